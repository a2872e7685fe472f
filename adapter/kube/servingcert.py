"""A self-managed serving certificate in the cluster: the Secret it is in, the CA in APIServices.

Least RBAC. In the namespace of the Service: ``create`` of ``secrets`` (a name cannot be given for
that) and ``get``, ``update`` of the one Secret; in the cluster: ``get``, ``patch`` of the
``apiservices`` (apiregistration.k8s.io) of the versions served, by their names.
"""

import base64
import binascii
import contextlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from adapter.kube.api import KubeApi, KubeApiError, KubeConflict, KubeNotFound

log = logging.getLogger(__name__)

_API_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
_CONFLICTS = 5
"""How often an object is read again because somebody changed it in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCertificates:
    """What the Secret holds; PEM.

    Attributes:
        cas: CAs to trust, the newest first; published before anything it signed is served.
        ca_key: Key of the newest CA.
        certificate: Serving certificate.
        key: Its key.
        revision: ``resourceVersion`` it was read at; "" for what is not stored yet.
    """

    cas: str
    ca_key: bytes = field(repr=False)
    certificate: bytes
    key: bytes = field(repr=False)
    revision: str = ""


class _SecretMeta(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str = ""


class _Secret(msgspec.Struct, frozen=True):
    metadata: _SecretMeta
    data: dict[str, str] | None = None


class ServingSecret:
    """The Secret, of type ``kubernetes.io/tls`` with ``ca.crt`` and ``ca.key`` beside.

    Args:
        api: kube-apiserver.
        namespace: Where it is.
        name: Its name.
    """

    def __init__(self, api: KubeApi, namespace: str, name: str) -> None:
        self._api = api
        self._namespace = namespace
        self._name = name
        self._collection = f"/api/v1/namespaces/{namespace}/secrets"

    async def read(self) -> KeptCertificates | None:
        """What it holds; None when there is none.

        Raises:
            KubeApiError: It cannot be read, or is somebody else's.
        """
        try:
            body = await self._api.get(f"{self._collection}/{self._name}")
        except KubeNotFound:
            return None
        return self._decode(body)

    async def create(self, kept: KeptCertificates) -> KeptCertificates:
        """Make it.

        Raises:
            KubeConflict: Another replica was first.
            KubeApiError: It cannot be made.
        """
        return self._decode(await self._api.post(self._collection, self._encode(kept)))

    async def replace(self, kept: KeptCertificates) -> KeptCertificates:
        """Store *kept*, which was read before and changed.

        Raises:
            KubeConflict: Another replica changed it in the meantime.
            KubeApiError: It cannot be written.
        """
        path = f"{self._collection}/{self._name}"
        return self._decode(await self._api.put(path, self._encode(kept)))

    def _encode(self, kept: KeptCertificates) -> bytes:
        data = {
            "ca.crt": kept.cas.encode(),
            "ca.key": kept.ca_key,
            "tls.crt": kept.certificate,
            "tls.key": kept.key,
        }
        metadata: dict[str, Any] = {
            "name": self._name,
            "namespace": self._namespace,
            "labels": {"app.kubernetes.io/managed-by": "viaduct"},
        }
        if kept.revision:
            metadata["resourceVersion"] = kept.revision
        document = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/tls",
            "metadata": metadata,
            "data": {name: base64.b64encode(value).decode() for name, value in data.items()},
        }
        return msgspec.json.encode(document)

    def _decode(self, body: bytes) -> KeptCertificates:
        where = f"Secret {self._namespace}/{self._name}"
        try:
            secret = msgspec.json.decode(body, type=_Secret)
            data = {
                name: base64.b64decode((secret.data or {})[name], validate=True)
                for name in ("ca.crt", "ca.key", "tls.crt", "tls.key")
            }
            cas = data["ca.crt"].decode()
        except KeyError as error:
            raise KubeApiError(
                f"{where} has no {error.args[0]}: it is not one that --self-managed-certificates "
                "made; delete it, or give another --serving-certificate-secret"
            ) from None
        except (msgspec.DecodeError, binascii.Error, UnicodeDecodeError):
            # not the error itself, which repeats what it cannot read
            raise KubeApiError(f"{where} cannot be understood: delete it") from None
        return KeptCertificates(
            cas=cas,
            ca_key=data["ca.key"],
            certificate=data["tls.crt"],
            key=data["tls.key"],
            revision=secret.metadata.resource_version,
        )


class _ServiceReference(msgspec.Struct, frozen=True):
    namespace: str = ""
    name: str = ""


class _APIServiceSpec(msgspec.Struct, frozen=True, rename={"skips_tls": "insecureSkipTLSVerify"}):
    service: _ServiceReference | None = None
    ca_bundle: str | None = msgspec.field(default=None, name="caBundle")
    skips_tls: bool = False


class _APIService(msgspec.Struct, frozen=True):
    metadata: _SecretMeta
    spec: _APIServiceSpec = _APIServiceSpec()


class CABundles:
    """``caBundle`` of the APIServices that send requests to this service.

    Args:
        api: kube-apiserver.
        namespace: Namespace of the Service.
        service: The Service.
        names: Names of the APIServices, such as ``v1.metrics.k8s.io``.
    """

    def __init__(self, api: KubeApi, namespace: str, service: str, names: Iterable[str]) -> None:
        self._api = api
        self._service = _ServiceReference(namespace, service)
        self._names = tuple(names)
        self._said: dict[str, str] = {}

    async def publish(self, bundle: str) -> None:
        """Write the PEM *bundle* where it is not written yet.

        An APIService that does not exist, or that names another Service, is left alone.

        Raises:
            KubeApiError: One cannot be read or written; the others are written all the same.
        """
        failures = []
        for name in self._names:
            try:
                await self._publish_at_last(name, base64.b64encode(bundle.encode()).decode())
            except KubeApiError as error:
                failures.append(str(error))
        if failures:
            raise KubeApiError(
                f"the CA is not in all APIServices, so that these are not available: "
                f"{'; '.join(failures)}"
            )

    async def published(self) -> str:
        """What is written there, as PEM; where that cannot be told it is left out."""
        found = []
        for name in self._names:
            with contextlib.suppress(KubeApiError, binascii.Error, UnicodeDecodeError):
                service = await self._read(name)
                if service.spec.service == self._service and service.spec.ca_bundle:
                    found.append(base64.b64decode(service.spec.ca_bundle).decode())
        return "\n".join(found)

    async def _publish_at_last(self, name: str, bundle: str) -> None:
        # kube-apiserver writes the status of an APIService that nobody answers yet: the next round
        # of ours is a minute away, and until then it would not be available
        for _ in range(_CONFLICTS):
            try:
                await self._publish(name, bundle)
            except KubeConflict:
                continue
            return
        await self._publish(name, bundle)

    async def _publish(self, name: str, bundle: str) -> None:
        try:
            found = await self._read(name)
        except KubeNotFound:
            self._say(name, "there is no APIService of this name: nobody sends its requests here")
            return
        if found.spec.service != self._service:
            self._say(name, f"left alone, because {_owner(found.spec.service)}")
            return
        if found.spec.ca_bundle != bundle or found.spec.skips_tls:
            await self._write(name, bundle, found.metadata.resource_version)
        self._say(name, "has the CA of this service")

    async def _read(self, name: str) -> _APIService:
        body = await self._api.get(f"{_API_SERVICES}/{name}")
        try:
            return msgspec.json.decode(body, type=_APIService)
        except msgspec.DecodeError as error:
            raise KubeApiError(f"APIService {name} cannot be understood: {error}") from error

    async def _write(self, name: str, bundle: str, revision: str) -> None:
        patch: Mapping[str, Any] = {
            # whoever changed it since, perhaps to another Service, is not overwritten
            "metadata": {"resourceVersion": revision},
            "spec": {"caBundle": bundle, "insecureSkipTLSVerify": None},
        }
        await self._api.merge_patch(f"{_API_SERVICES}/{name}", patch)
        log.info("wrote the CA of this service into APIService %s", name)

    def _say(self, name: str, state: str) -> None:
        if self._said.get(name) != state:
            self._said[name] = state
            log.info("APIService %s: %s", name, state)


def _owner(service: _ServiceReference | None) -> str:
    if service is None:
        return "kube-apiserver serves it itself"
    return f"it belongs to the Service {service.namespace}/{service.name}"
