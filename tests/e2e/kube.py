"""Clients of kube-apiserver and of Viaduct: plain HTTPS, and a real kubectl."""

import contextlib
import http.client
import itertools
import json
import shutil
import ssl
import subprocess
from typing import NamedTuple
from urllib.parse import urlsplit

import yaml

from adapter.sim.demo.processes import clean_environment, find_program

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
REQUEST_SECONDS = 20.0


class Answer(NamedTuple):
    """What a server said."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self):
        return json.loads(self.body)


class _Connection(http.client.HTTPSConnection):
    """A connection to a server whose certificate is for another name than its address."""

    def __init__(self, host, port, context, server_name):
        super().__init__(host, port, timeout=REQUEST_SECONDS, context=context)
        self._wanted = context, server_name

    def connect(self):
        http.client.HTTPConnection.connect(self)
        context, name = self._wanted
        self.sock = context.wrap_socket(self.sock, server_hostname=name)


class Client:
    """Asks one server as one user, on a connection of its own each time.

    Args:
        url: Scheme, host and port.
        ca_file: What the server's certificate is verified with.
        certificate: The user's client certificate and key, a `KeyPair`.
        token: The user's bearer token.
        server_name: What the server's certificate must be for, if not for the host.
    """

    def __init__(self, url, ca_file, *, certificate=None, token="", server_name=None):
        parts = urlsplit(url)
        self.url = url
        self.host, self.port = parts.hostname, parts.port
        self._server_name = server_name or self.host
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._context = ssl.create_default_context(cafile=ca_file)
        if certificate is not None:
            self._context.load_cert_chain(*certificate)

    def request(self, method, path, body=None, **headers):
        """Ask; header names are given with underscores.

        Raises:
            OSError: No server there, or the handshake failed.
        """
        connection = _Connection(self.host, self.port, self._context, self._server_name)
        sent = {"Accept": JSON, "Content-Type": JSON, **self._headers}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        with contextlib.closing(connection):
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())

    def get(self, path, **headers):
        return self.request("GET", path, **headers)

    def read(self, path):
        """The decoded answer of a GET that must succeed."""
        return self._expect(self.get(path))

    def create(self, path, document):
        return self._expect(self.request("POST", path, document))

    def delete(self, path):
        return self._expect(self.request("DELETE", path))

    def patch(self, path, document):
        """Merge *document* into an object."""
        return self._expect(self.request("PATCH", path, document, Content_Type=MERGE_PATCH))

    def apply(self, path, document):
        """Create or change an object by server-side apply."""
        answer = self.request(
            "PATCH", f"{path}?fieldManager=e2e&force=true", document, Content_Type=APPLY_PATCH
        )
        return self._expect(answer)

    def succeeds(self, path):
        """Whether a GET is answered with success, for `poll`."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.get(path).status == 200
        return False

    @staticmethod
    def _expect(answer):
        assert 200 <= answer.status < 300, (answer.status, answer.body.decode())
        return answer.json()


class Printed(NamedTuple):
    """What kubectl printed."""

    code: int
    out: str
    err: str

    def rows(self):
        return [line.split() for line in self.out.splitlines()]


class Kubectl:
    """A real kubectl with a kubeconfig.

    Args:
        kubeconfig: Its path.
        directory: For caches of discovery; each call begins with an empty one.
    """

    program = find_program("kubectl")

    def __init__(self, kubeconfig, directory):
        self.kubeconfig = kubeconfig
        self._directory = directory
        self._numbers = itertools.count()

    def run(self, *words, stdin=""):
        """Run it, whatever comes of it."""
        cache = self._directory / f"{self.kubeconfig.stem}-cache-{next(self._numbers)}"
        done = subprocess.run(
            [self.program, f"--kubeconfig={self.kubeconfig}", f"--cache-dir={cache}", *words],
            check=False,
            capture_output=True,
            text=True,
            input=stdin,
            env=clean_environment() | {"HOME": str(self._directory)},
            timeout=60,
        )
        shutil.rmtree(cache, ignore_errors=True)
        return Printed(done.returncode, done.stdout, done.stderr)

    def __call__(self, *words, stdin=""):
        """Run it; it must succeed."""
        printed = self.run(*words, stdin=stdin)
        assert printed.code == 0, (words, printed)
        return printed


def write_kubeconfig(path, url, ca_file, user):
    """Write a kubeconfig for *user*, whose fields are kubeconfig's, and give its path."""
    cluster = {"server": url, "certificate-authority": str(ca_file)}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "e2e", "cluster": cluster}],
        "users": [{"name": "e2e", "user": user}],
        "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": "e2e"}}],
        "current-context": "e2e",
    }
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(document))
    return path
