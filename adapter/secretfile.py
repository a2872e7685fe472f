"""Secrets in files, read again when a file changes: never in the rule file, never in a text."""

from pathlib import Path

Fingerprint = tuple[int, int, int]
"""What changes when a file is written or a mounted secret is swapped."""


class SecretFile:
    """The text of a file, stripped.

    Args:
        path: The file. Empty: there is none, and the text is empty.

    Attributes:
        last: The text as it was last read.
    """

    def __init__(self, path: str) -> None:
        self.last = ""
        self._path = path
        self._seen: Fingerprint | None = None

    def text(self) -> str:
        """The text, read again when the file has changed.

        Raises:
            OSError: The file cannot be read.
            ValueError: It holds no single line of text.
        """
        seen = fingerprint(self._path)
        if seen != self._seen:
            self.last = self._read()
            self._seen = seen
        return self.last

    def _read(self) -> str:
        try:
            text = Path(self._path).read_text(encoding="utf-8").strip()
        except UnicodeDecodeError:
            text = ""  # whose own text would show a byte of the secret
        if not text or not text.isprintable():
            raise ValueError(f"{self._path} holds no single line of text")
        return text


def fingerprint(path: str | None) -> Fingerprint | None:
    """Fingerprint of *path* as it is now; None when there is no path.

    Raises:
        OSError: The file cannot be found.
    """
    if not path:
        return None
    status = Path(path).stat()
    return status.st_ino, status.st_mtime_ns, status.st_size
