"""``json`` of a rule: numbers read from JSON documents, of pods or of a URL, without Prometheus.

Secrets are never in the rule file, which is a ConfigMap that many can read: it names the files they
are in, which are read again when they change.
"""

import re
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from adapter.jsonpath.extraction import Aggregate
from adapter.jsonpath.numbers import ValueType
from adapter.rules.backends import BackendHeader, BackendTLS, BasicAuth
from adapter.rules.sections import Seconds, Section

_MOST_PORTS = 65535
_PORT_NAME = re.compile(r"(?=.{1,15}\Z)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*\Z")


class Scheme(StrEnum):
    """How a pod is spoken to."""

    HTTP = "http"
    HTTPS = "https"


def _parse_port(value: object) -> int | str:
    """Read a port as Kubernetes does, except that a number may be quoted."""
    if isinstance(value, str):
        if _PORT_NAME.match(value):
            return value
        if not value.isascii() or not value.isdigit() or len(value) > 5:
            raise PydanticCustomError(
                "port",
                "{text} is neither a number nor a port's name; at most 15 lower-case letters, "
                "digits and single dashes, as in the pod's containers[].ports[].name",
                {"text": repr(value[:60])},
            )
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise PydanticCustomError("port", "must be a number or the name of a container's port")
    if not 1 <= value <= _MOST_PORTS:
        raise PydanticCustomError("port", "must be 1 to 65535")
    return value


Port = Annotated[
    int | str,
    BeforeValidator(_parse_port),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": _MOST_PORTS},
                {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?$"},
            ],
            "examples": [8080, "http"],
        }
    ),
]
"""A port's number, or the name a container gives it."""


class JsonPods(Section):
    """Which pods are asked."""

    selector: str = ""
    """Label selector, such as ``app=web,tier in (front, back)``. Empty: all pods."""

    namespaces: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Namespaces of the pods. Empty: all."""

    include_not_ready: bool = False
    """Whether pods that are not ready are asked, too. Those that are being deleted never are."""

    min_ready_age: Seconds = 0.0
    """How long a pod must have been ready before it is asked. Zero: at once."""


class JsonAuth(Section):
    """What proves who we are; at most one of these."""

    bearer_file: str = ""
    """File with a bearer token. Empty: not used."""

    basic: BasicAuth | None = None
    """User and password. Absent: not used."""

    @model_validator(mode="after")
    def _at_most_one(self) -> "JsonAuth":
        if self.bearer_file and self.basic:
            raise PydanticCustomError("exclusive", "give at most one of 'bearerFile' and 'basic'")
        return self


class JsonTLS(BackendTLS):
    """TLS with the endpoint."""

    server_name: str = ""
    """Name the certificate must carry. Empty: the host of the URL; for a pod its address, which
    certificates hardly have."""


class JsonSection(Section):
    """Where a JSON document is, and which number of it is the metric."""

    pods: JsonPods | None = None
    """Only for ``rules``: the pods that are asked; each gives one value. Needs `port`."""

    port: Port = 0
    """Only for ``rules``: port of the pods, as a number or the name of a container's port."""

    path: str = "/"
    """Only for ``rules``: path of the document at the pods, with its query if any."""

    scheme: Annotated[Scheme, Field(strict=False)] = Scheme.HTTP
    """Only for ``rules``: how the pods are spoken to."""

    url: str = ""
    """Only for ``externalRules``: the document's URL; without user and password."""

    query: str
    """JSONPath of the value; within an item of `each` where that is given."""

    aggregate: Annotated[Aggregate | None, Field(strict=False)] = None
    """What becomes of several values: ``sum avg min max count first``. Absent: several are an
    error."""

    value_type: Annotated[ValueType, Field(strict=False)] = ValueType.NUMBER
    """What the values are."""

    timestamp: str = ""
    """JSONPath of the time the value is of, within an item of `each` where that is given: RFC 3339,
    or Unix seconds. Empty: when it was fetched."""

    each: str = ""
    """Only for ``externalRules``: JSONPath of items, each of which is a series of its own. Empty:
    the document is one series."""

    labels: Annotated[dict[str, str], Field(default_factory=dict)]
    """Only for ``externalRules``: label name to JSONPath of its value, within an item of `each`
    where that is given. Empty: the series has no labels, and only the empty selector selects it."""

    interval: Seconds = 15.0
    """Period in which the document is fetched while somebody asks for the metric."""

    timeout: Seconds = 5.0
    """Time one fetch may take."""

    always: bool = False
    """Whether it is fetched though nobody asks for the metric."""

    headers: Annotated[tuple[BackendHeader, ...], Field(strict=False)] = ()
    """Further headers of each request."""

    auth: JsonAuth = JsonAuth()
    """What proves who we are. Empty: nothing is sent."""

    tls: JsonTLS = JsonTLS()
    """TLS with the endpoint."""
