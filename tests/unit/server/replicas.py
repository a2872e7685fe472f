"""Replicas with self-managed certificates, over a simulated kube-apiserver."""

import base64
import ssl

from adapter.kube.servingcert import CABundles, ServingSecret
from adapter.server.pairs import load_pair, shown_certificate
from adapter.server.selfmanaged import SelfManagedCertificates, service_names

DAY = 86400.0
NAMES = service_names("viaduct", "monitoring")
API_SERVICES = ("v1.metrics.k8s.io", "v1beta1.metrics.k8s.io")


class Replica:
    """One process that serves with the certificates; *served* is what it showed, in order."""

    def __init__(self, api, clock):
        self.served = []
        self.certificates = SelfManagedCertificates(
            ServingSecret(api, "monitoring", "viaduct-serving"),
            CABundles(api, "monitoring", "viaduct", API_SERVICES),
            NAMES,
            clock=clock,
        )
        self.certificates.serve = self.served.append

    async def start(self):
        self.served.append(await self.certificates.read())
        return self


def register(cluster, name, *, namespace="monitoring", service="viaduct", **spec):
    reference = {"namespace": namespace, "name": service} if service else None
    document = {"metadata": {"name": name}, "spec": {"service": reference, **spec}}
    cluster.api.store.put("apiservices.apiregistration.k8s.io", document)


def registered(cluster, name):
    return cluster.api.store.get("apiservices.apiregistration.k8s.io", "", name)["spec"]


def encoded(content):
    """*content* as objects of the cluster have it."""
    return base64.b64encode(content).decode()


def bundle(cluster, name):
    return base64.b64decode(registered(cluster, name)["caBundle"]).decode()


def trusted(pair, ca):
    """Whether the aggregator would take *pair*, verifying with *ca*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load_pair(context, pair)
    try:
        shown_certificate(context, ca=ca, server_name="viaduct.monitoring.svc")
    except ssl.SSLError:
        return False
    return True


def secret(cluster):
    return cluster.api.store.get("secrets", "monitoring", "viaduct-serving")


def spoil(cluster, **data):
    held = secret(cluster)
    junk = {key.replace("_", "."): encoded(content) for key, content in data.items()}
    cluster.api.store.put("secrets", {**held, "data": {**held["data"], **junk}})
