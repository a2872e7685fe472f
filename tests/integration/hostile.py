"""Requests no client would send, and a client that sends them as they are."""

import asyncio
import random
from typing import NamedTuple

import httptools

PATHS = (
    "/",
    "/apis",
    "/apis/metrics.k8s.io",
    "/apis/metrics.k8s.io/v1",
    "/apis/metrics.k8s.io/v1beta1/nodes",
    "/apis/metrics.k8s.io/v1/nodes/node-0000",
    "/apis/metrics.k8s.io/v1/pods",
    "/apis/metrics.k8s.io/v1/namespaces/team-01/pods",
    "/apis/metrics.k8s.io/v1/namespaces/team-00/pods/svc-000-00000000-00000",
    "/apis/custom.metrics.k8s.io/v1beta2",
    "/apis/custom.metrics.k8s.io/v1beta1/nodes/node-0001/node_disk_busy",
    "/apis/custom.metrics.k8s.io/v1beta2/namespaces/team-00/metrics/namespace_jobs",
    "/apis/custom.metrics.k8s.io/v1beta2/namespaces/team-01/pods/*/http_requests_per_second",
    "/apis/external.metrics.k8s.io/v1beta1/namespaces/team-01/queue_messages_ready",
    "/openapi/v2",
    "/openapi/v3",
    "/openapi/v3/apis/metrics.k8s.io/v1",
    "/healthz",
    "/livez/ping",
    "/readyz?verbose",
    "/metrics",
    "/version",
)
PIECES = (
    *("", ".", "..", "*", "%", "%00", "%0a", "%0d%0a", "%2f", "%2F..%2f", "%25", "%zz", "%ff"),
    *("%C0%AF", "%ED%A0%80", "%E2%80%A8", "\xff\xfe", "é", "漢", "{namespace}", "${jndi:x}", "$()"),
    *("'", '"', "`", "\\", ";", "//", "<script>", "a" * 63, "a" * 254, "b" * 5000, "-1", "1e999"),
    *(
        "null",
        "true",
        "__proto__",
        "pods",
        "namespaces",
        "watch",
        "proxy",
        "v1",
        "metrics",
        "x.y.z",
    ),
)
TEXTS = (
    *(*PIECES, "a=b", "a==b", "a!=b", "a in (b,c)", "a in (", "a notin (b)", "!a", "a,b,c", "a>1"),
    *("a=b,a=c", ",", ",,,", "=", "in in (in)", "a=" + "x" * 70, "A/B/C=d", "a=b" + ",a=b" * 300),
    *("metadata.name=x", "metadata.namespace!=y", "spec.x=1", "0", "False", "\x01", " ", "+", "&"),
)
NAMES = (
    *("labelSelector", "fieldSelector", "metricLabelSelector", "selector", "watch", "pretty"),
    *("limit", "continue", "timeoutSeconds", "resourceVersion", "includeObject", "origin"),
    *("hash", "timeout", "verbose", "exclude", "", "a" * 300, "x[]", "%00"),
)
MEDIA = (
    *("", "*/*", "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"),
    *("application/*", "text/html", ";", ",,,", "*/json", "application/json;q=nan", "a" * 3000),
    *(
        "application/json;as=Table;g=meta.k8s.io;v=v1",
        "application/yaml;as=Table;g=meta.k8s.io;v=v1",
    ),
    *(
        "application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1",
        "application/json;pretty=1",
    ),
    *("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1beta1", "*/*;q=1e400"),
    *("application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1", "x/y;z"),
    *("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList", "\xff", "é/ü"),
)
HEADERS = (
    *("Accept-Encoding", "If-None-Match", "User-Agent", "Audit-ID", "X-Remote-User", "Range"),
    *("X-Remote-Group", "X-Remote-Extra-Scopes%2f", "Impersonate-User", "X-Forwarded-For"),
    *("Content-Type", "If-Modified-Since", "Origin", "Cookie", "Traceparent", "Te", "Upgrade"),
)
METHODS = ("GET",) * 12 + ("HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


class HostileRequest(NamedTuple):
    """The bytes of a request, and its method, which tells how the answer ends."""

    data: bytes
    method: str


def hostile_request(chance: random.Random) -> HostileRequest:
    """Make one up; the same again for the same state of *chance*."""
    method = chance.choice(METHODS)
    lines = [f"{method} {_target(chance)} HTTP/1.1", "Host: x"]
    if chance.random() < 0.8:
        accepted = chance.sample(MEDIA, chance.randint(1, 3))
        lines.append(f"Accept: {chance.choice((',', ', ')).join(accepted)}")
    if chance.random() < 0.1:
        lines.append(f"Authorization: {chance.choice(('Bearer ', 'Basic ', ''))}{_text(chance)}")
    more = chance.choice((0, 0, 1, 3))
    lines += [f"{chance.choice(HEADERS)}: {_text(chance)}" for _ in range(more)]
    body = chance.choice(("", "", "", "{}", "x" * 1000))
    if body or chance.random() < 0.2:
        lines.append(f"Content-Length: {len(body)}")
    text = "\r\n".join(lines)
    return HostileRequest(f"{text}\r\n\r\n{body}".encode("latin-1", "replace"), method)


def _target(chance: random.Random) -> str:
    path = chance.choice(PATHS)
    for _ in range(chance.choice((0, 0, 1, 1, 2))):
        parts = path.split("/")
        place = chance.randrange(1, len(parts) + 1)
        match chance.randrange(3):
            case 0:
                parts.insert(place, chance.choice(PIECES))
            case 1:
                parts[place % len(parts)] = chance.choice(PIECES)
            case _:
                del parts[place % len(parts)]
        path = "/".join(parts)
    query = [
        f"{chance.choice(NAMES)}={_quoted(chance, chance.choice(TEXTS))}"
        for _ in range(chance.choice((0, 1, 1, 2, 5)))
    ]
    if query:
        path += ("&" if "?" in path else "?") + "&".join(query)
    # what ends a line, or the target, would only make it another request
    return path.replace(" ", "%20").replace("\r", "").replace("\n", "") or "/"


def _quoted(chance: random.Random, text: str) -> str:
    if chance.random() < 0.5:
        return text
    return "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "surrogatepass"))


def _text(chance: random.Random) -> str:
    return "".join(char for char in chance.choice(TEXTS) if char >= " ")


class Answer:
    """An answer as httptools reads it."""

    def __init__(self, method: str) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.complete = False
        self._without_body = method == "HEAD"
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode().lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self.complete = self._without_body

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True


class HostileClient:
    """Sends requests one after the other on a connection, and a new one when that was closed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: HostileRequest) -> Answer:
        """Send *request*; an answer of status 0 is none.

        The server may close a connection when it has answered: as clients do, this one then asks
        again on a new one.
        """
        reused = self._streams is not None
        answer = await self._ask(request)
        return await self._ask(request) if reused and not answer.status else answer

    async def _ask(self, request: HostileRequest) -> Answer:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        answer = Answer(request.method)
        try:
            writer.write(request.data)
            await writer.drain()
            while not answer.complete:
                data = await asyncio.wait_for(reader.read(1 << 16), 30)
                if not data:
                    break
                answer.feed(data)
        except ConnectionError:
            answer.complete = False
        closing = answer.headers.get("connection", "").lower() == "close"
        if closing or not answer.complete or request.method == "HEAD":
            await self.close()
        return answer

    async def close(self) -> None:
        if self._streams is not None:
            _, writer = self._streams
            self._streams = None
            writer.transport.abort()
            await asyncio.sleep(0)
