"""A server that asks who you are, over real TLS, and clients with all kinds of certificates."""

import contextlib
import dataclasses

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from adapter.errors import NotFound
from adapter.kube.api import KubeApiError
from adapter.kube.authenticationconfig import AuthenticationConfig
from adapter.model.identity import Decision, UserInfo
from adapter.server.authn import USER, Authentication, authenticated
from adapter.server.authz import Authorization, authorized
from adapter.server.middleware import errors_as_status
from adapter.server.pairs import Pair
from adapter.server.tls import ServingTLS
from adapter.sim.clock import ManualClock
from adapter.sim.pki import CertificateAuthority
from adapter.telemetry import Telemetry
from adapter.transport import client_context

OPEN_PATHS = ("/healthz", "/readyz", "/livez")


class Tokens:
    """Reviews tokens by a table; those it cannot review are in *broken*."""

    def __init__(self):
        self.users = {"ann-1": UserInfo("ann", groups=("dev",))}
        self.broken = set()
        self.asked = []

    async def review(self, token):
        self.asked.append(token)
        if token in self.broken:
            raise KubeApiError("kube-apiserver did not answer in time")
        return self.users.get(token)


class Reviews:
    """Allows the users in *allowed*."""

    def __init__(self):
        self.allowed = {"ann"}
        self.reason = ""
        self.error = None
        self.asked = []

    async def review(self, user, attributes):
        self.asked.append((user, attributes))
        if self.error is not None:
            raise self.error
        return Decision(user.name in self.allowed, self.reason)


class Configured:
    """A configuration that a test changes."""

    def __init__(self, config):
        self.config = config
        self.revision = 1

    def change(self, **values):
        self.config = dataclasses.replace(self.config, **values)
        self.revision += 1


class Place:
    """CAs, the server, and what it believes."""

    def __init__(self, directory):
        self.directory = directory
        self.cluster = self.authority("cluster-ca")
        self.front_proxy = self.authority("front-proxy-ca")
        self.clock = ManualClock()
        self.telemetry = Telemetry()
        self.tokens = Tokens()
        self.reviews = Reviews()
        self.configured = Configured(
            AuthenticationConfig(
                client_ca=self.cluster.ca_pem,
                requestheader_ca=self.front_proxy.ca_pem,
                allowed_names=("front-proxy-client",),
                username_headers=("X-Remote-User",),
                uid_headers=("X-Remote-Uid",),
                group_headers=("X-Remote-Group",),
                extra_prefixes=("X-Remote-Extra-",),
            )
        )
        self.authentication = Authentication(
            self.configured, self.tokens, clock=self.clock, telemetry=self.telemetry
        )
        self.authorization = Authorization(
            self.reviews, always_allowed=OPEN_PATHS, telemetry=self.telemetry
        )
        pair = self.cluster.issue("serving", addresses=["127.0.0.1"], server=True)
        self.tls = ServingTLS(Pair(*pair), clock=self.clock, telemetry=self.telemetry)

    def authority(self, name, folder="pki"):
        directory = self.directory / folder
        directory.mkdir(exist_ok=True)
        return CertificateAuthority(name, directory)

    @contextlib.asynccontextmanager
    async def serving(self, *middlewares):
        """Serve who asked, or what a test's own *middlewares* say."""
        app = web.Application(middlewares=[errors_as_status(_not_found), *middlewares])
        app.router.add_route("*", "/{path:.*}", _tell)
        self.tls.set_client_cas(self.configured.config.client_cas())
        server = TestServer(app)
        await server.start_server(ssl=self.tls.context)
        try:
            yield server
        finally:
            await server.close()

    @contextlib.asynccontextmanager
    async def asking(self, certificate=None, *, authorizing=False):
        """A client that shows *certificate*; the value asks with headers: status and body."""
        middlewares = [authenticated(self.authentication)]
        middlewares += [authorized(self.authorization)] if authorizing else []
        async with self.serving(*middlewares) as server, self.client(server, certificate) as ask:
            yield ask

    @contextlib.asynccontextmanager
    async def client(self, server, certificate=None):
        cert_file, key_file = certificate or (None, None)
        context = client_context(
            ca_file=self.cluster.ca_file, cert_file=cert_file, key_file=key_file
        )
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context, limit=1)
        ) as session:

            async def ask(*headers, path="/apis/metrics.k8s.io/v1/nodes", method="GET"):
                url = URL(f"https://127.0.0.1:{server.port}{path}", encoded=True)
                async with session.request(method, url, headers=headers) as response:
                    ask.headers = response.headers
                    return response.status, await response.json(content_type=None)

            yield ask

    def counted(self, family, **labels):
        name = f"viaduct_{family}_total"
        return self.telemetry.registry.get_sample_value(name, labels) or 0.0


def _not_found(_):
    raise NotFound("the server could not find the requested resource")


async def _tell(request):
    user = request.get(USER)
    return web.json_response(
        {
            "user": user and [user.name, user.uid, list(user.groups), dict(user.extra)],
            "headers": sorted(name.lower() for name in request.headers),
        }
    )
