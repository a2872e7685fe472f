"""Documents by URL, as a client of them sees them; no sockets."""

import asyncio
from dataclasses import replace

import msgspec

from adapter.errors import SourceError
from adapter.jsonpath.expressions import compile_path
from adapter.jsonpath.extraction import Extraction, SeriesExtraction
from adapter.kube.pod_endpoints import PodEndpoint, PodEndpoints
from adapter.model.labels import parse_selector
from adapter.rules.json_metric import Access, PodsMetric, URLMetric
from adapter.rules.policy import ValuePolicy
from adapter.rules.schema import OnEmpty, OnNaN
from adapter.sources.json.client import Fetched

ACCESS = Access(timeout=0.05)  # of real time: how long a first question waits


class Publishing:
    """Implements what the pool asks of a client; counts what is fetched."""

    def __init__(self, clock):
        self.documents = {}
        self.fetches = []
        self.conditional = 0
        self.under_way = 0
        self.most_under_way = 0
        self._clock = clock
        self._hanging = {}

    def hang(self, url):
        self._hanging[url] = asyncio.Event()

    def release(self, url):
        self._hanging.pop(url).set()

    async def fetch(self, url, access, last):
        self.fetches.append(url)
        self.conditional += last is not None
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            if url in self._hanging:
                await self._hanging[url].wait()
            await asyncio.sleep(0)
        finally:
            self.under_way -= 1
        document = self.documents.get(url, SourceError(f"{url} refused the connection"))
        if isinstance(document, Exception):
            raise document
        body = document if isinstance(document, bytes) else msgspec.json.encode(document)
        etag = str(hash(body))
        same = last is not None and last.etag == etag
        return Fetched(None if same else body, etag, "", self._clock.time())


def policy(**changes):
    usual = ValuePolicy(on_empty=OnEmpty.ERROR, on_nan=OnNaN.ERROR, max_age=60.0, window=0.0)
    return replace(usual, **changes)


def pods_metric(query="$.depth", *, metric="depth", rule="rules[0]", selector="", **changes):
    timestamp = changes.pop("timestamp", None)
    values = {
        "id": rule,
        "metric": metric,
        "access": ACCESS,
        "interval": 15.0,
        "policy": policy(),
        "extraction": Extraction(
            compile_path(query), timestamp=compile_path(timestamp) if timestamp else None
        ),
        "selector": parse_selector(selector),
        "port": 8080,
        "path": "/stats",
    }
    return PodsMetric(**values | changes)


def url_metric(query="$.depth", *, each=None, labels=None, **changes):
    values = {
        "id": "externalRules[0]",
        "metric": "queue_depth",
        "access": ACCESS,
        "interval": 15.0,
        "policy": policy(),
        "extraction": SeriesExtraction(
            Extraction(compile_path(query)),
            each=compile_path(each) if each else None,
            labels={label: compile_path(path) for label, path in (labels or {}).items()},
        ),
        "url": "http://queues/stats",
    }
    return URLMetric(**values | changes)


def pod(name, number=1, *, namespace="shop", **changes):
    values = {
        "namespace": namespace,
        "name": name,
        "labels": {"app": "web"},
        "ip": f"10.0.0.{number}",
        "ready": True,
    }
    return PodEndpoint(**values | changes)


def endpoints(*pods):
    store = PodEndpoints()
    store.replace(pods)
    return store
