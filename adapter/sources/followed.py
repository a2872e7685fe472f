"""Credentials and trust towards those that are asked, in files that change while they are used.

Between the two writes of a rotation a file may be missing or of no use. What it held before may
still be good, so it serves on; each change for better or worse is logged once.
"""

import logging
import ssl
from collections.abc import Callable
from typing import Generic, TypeVar

from adapter.secretfile import Fingerprint, SecretFile, fingerprint
from adapter.transport import client_context

log = logging.getLogger(__name__)

T = TypeVar("T")


class FollowedSecret:
    """The text of a file, as `adapter.secretfile.SecretFile` reads it.

    Args:
        path: The file. Empty: there is none, and the text is empty.
        prefix: Begins each line of the log; says for whom it is.
    """

    def __init__(self, path: str, *, prefix: str = "") -> None:
        self._file = SecretFile(path)
        self._kept = _Kept(self._file.text, prefix)

    def text(self) -> str:
        """The text, or that of before where it cannot be read now.

        Raises:
            OSError: There is none of before: the file cannot be read.
            ValueError: There is none of before: it holds no single line of text.
        """
        return self._kept.get()

    def problem(self) -> str:
        """Why it cannot be read now; empty when it can be."""
        return self._kept.problem()


class FollowedTLS:
    """The context of a client; the same one until one of its files changes.

    Args:
        ca_file: PEM bundle that replaces the system's roots.
        cert_file: Client certificate chain (PEM).
        key_file: Its key (PEM).
        insecure: Accept any certificate.
        prefix: Begins each line of the log; says for whom it is.
    """

    def __init__(
        self,
        *,
        ca_file: str | None = None,
        cert_file: str | None = None,
        key_file: str | None = None,
        insecure: bool = False,
        prefix: str = "",
    ) -> None:
        self._ca_file = ca_file
        self._cert_file = cert_file
        self._key_file = key_file
        self._insecure = insecure
        self._seen: list[Fingerprint | None] | None = None
        self._built: ssl.SSLContext | None = None
        self._kept = _Kept(self._current, prefix)

    def context(self) -> ssl.SSLContext:
        """The context of the files as they are, or were before where they are of no use now.

        Raises:
            OSError: There is none of before. The text names the file.
        """
        return self._kept.get()

    def problem(self) -> str:
        """Why no context can be made now; empty when one can be."""
        return self._kept.problem()

    def _current(self) -> ssl.SSLContext:
        paths = (self._ca_file, self._cert_file, self._key_file)
        seen = [fingerprint(path) for path in paths]
        if self._built is None or seen != self._seen:
            try:
                self._built = client_context(
                    ca_file=self._ca_file,
                    insecure=self._insecure,
                    cert_file=self._cert_file,
                    key_file=self._key_file,
                )
            except OSError as error:
                raise _Unusable(" and ".join(path for path in paths if path), error) from error
            self._seen = seen
        return self._built


class _Unusable(OSError):
    """Files of a context cannot be read or hold no PEM; OpenSSL's own words name none of them."""

    def __init__(self, files: str, error: OSError) -> None:
        broken = isinstance(error, ssl.SSLError)
        why = "it holds no usable certificate or key (PEM)" if broken else error.strerror
        super().__init__(f"cannot use {files}: {why}")


class _Kept(Generic[T]):
    """What *read* gives, or what it gave last."""

    def __init__(self, read: Callable[[], T], prefix: str) -> None:
        self._read = read
        self._prefix = prefix
        self._last: tuple[T] | None = None
        self._problem = ""

    def get(self) -> T:
        try:
            self._last = (self._read(),)
        except (OSError, ValueError) as error:
            if self._last is None:
                raise
            self._tell(cause(error))
        else:
            self._tell("")
        return self._last[0]

    def problem(self) -> str:
        try:
            self._read()
        except (OSError, ValueError) as error:
            return cause(error)
        return ""

    def _tell(self, problem: str) -> None:
        if bool(problem) != bool(self._problem):
            if problem:
                log.warning("%s%s; what was there before is used", self._prefix, problem)
            else:
                log.info("%s%s: mended", self._prefix, self._problem)
        self._problem = problem


def cause(error: OSError | ValueError) -> str:
    """What is wrong with a file, for people; *error* is what reading it raised."""
    if isinstance(error, OSError) and error.filename:
        return f"cannot read {error.filename}: {error.strerror}"
    return str(error)
