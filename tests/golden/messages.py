"""Reads Kubernetes' protobuf into what its JSON would be, by the field numbers of generated.proto.

Everything must be known and in the order Go writes it; so what reads back the same is the same.
"""

import json
from collections.abc import Callable
from typing import Any

from adapter.model.times import format_duration, format_rfc3339

Reader = Callable[[Any], Any]
MAGIC = b"k8s\0"


def read_document(data: bytes) -> Any:
    """The object in *data*, as its JSON."""
    assert data.startswith(MAGIC)
    wrapped = UNKNOWN(data[len(MAGIC) :])
    assert (wrapped["contentEncoding"], wrapped["contentType"]) == ("", "")
    meta = wrapped["typeMeta"]
    body = _KINDS[meta["apiVersion"]][meta["kind"]](wrapped["raw"])
    return {"kind": meta["kind"], "apiVersion": meta["apiVersion"], **body}


def as_json_text(data: bytes) -> str:
    """The same, laid out as an answer in JSON."""
    return json.dumps(read_document(data), separators=(",", ":"), ensure_ascii=False) + "\n"


def fields(data: bytes) -> list[tuple[int, Any]]:
    """Field numbers and values: a number, or the bytes of a text or message."""
    found = []
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        number, at = varint(data, at)
        if key & 7 == 2:
            assert at + number <= len(data), "a field is longer than its message"
            found.append((key >> 3, data[at : at + number]))
            at += number
        else:
            assert key & 7 == 0, f"wire type {key & 7} is not used"
            found.append((key >> 3, number))
    return found


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A number at a place, and the place after it."""
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            assert byte or shift == 7, "a number has more bytes than it needs"
            return number, at


def message(
    omitted: str = "", /, **by_name: tuple[int, Reader] | tuple[int, Reader, str]
) -> Reader:
    """A reader of messages: name, field number and reader of each field in the order of JSON.

    Args:
        omitted: Names of the fields that JSON leaves out when they are empty.
        by_name: A third element says how often: ``list``, ``map``, or ``one`` where it is absent
            from JSON when it is absent; without it the field must be there.
    """
    names = {spec[0]: (name, *spec[1:]) for name, spec in by_name.items()}

    def read(data: bytes) -> dict[str, Any]:
        found: dict[str, Any] = {}
        last = 0
        for number, value in fields(data):
            assert number >= last, "fields are in the order of their numbers"
            last = number
            name, reader, *often = names[number]
            match often:
                case ["list"]:
                    found.setdefault(name, []).append(reader(value))
                case ["map"]:
                    entry = dict(fields(value))
                    assert list(entry) == [1, 2]
                    key = text(entry[1])
                    assert not found.get(name) or key > max(found[name]), "maps are by key"
                    found.setdefault(name, {})[key] = reader(entry[2])
                case _:
                    assert name not in found, f"{name} is there twice"
                    found[name] = reader(value)
        required = {name for name, spec in by_name.items() if len(spec) == 2}
        assert required <= set(found), f"{required - set(found)} must be written, if empty"
        left_out = omitted.split()
        return {
            name: found[name]
            for name in by_name
            if name in found and not (name in left_out and found[name] in ("", 0, {}, None))
        }

    return read


def text(value: bytes) -> str:
    return value.decode()


def same(value: Any) -> Any:
    return value


def time(value: bytes) -> str:
    assert [number for number, _ in fields(value)] == [1, 2]
    seconds, nanos = (number for _, number in fields(value))
    assert nanos == 0
    return format_rfc3339(signed(seconds))


def signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


def duration(value: bytes) -> str:
    ((_, nanoseconds),) = fields(value)
    return format_duration(nanoseconds / 1e9)


def quantity(value: bytes) -> str:
    ((_, canonical),) = fields(value)
    return text(canonical)


TYPE_META = message(apiVersion=(1, text), kind=(2, text))
UNKNOWN = message(
    typeMeta=(1, TYPE_META), raw=(2, same), contentEncoding=(3, text), contentType=(4, text)
)
LIST_META = message(
    "selfLink resourceVersion continue",
    selfLink=(1, text),
    resourceVersion=(2, text),
    **{"continue": (3, text)},
)
OBJECT_META = message(
    "generateName namespace selfLink uid resourceVersion generation",
    name=(1, text),
    generateName=(2, text),
    namespace=(3, text),
    selfLink=(4, text),
    uid=(5, text),
    resourceVersion=(6, text),
    generation=(7, same),
    creationTimestamp=(8, time),
    labels=(11, text, "map"),
    annotations=(12, text, "map"),
)
CONTAINER = message(name=(1, text), usage=(2, quantity, "map"))
_SAMPLE = {"metadata": (1, OBJECT_META), "timestamp": (2, time), "window": (3, duration)}
POD = message(**_SAMPLE, containers=(4, CONTAINER, "list"))
NODE = message(**_SAMPLE, usage=(4, quantity, "map"))
PARTIAL = message(metadata=(1, OBJECT_META))
EXPRESSION = message(key=(1, text), operator=(2, text), values=(3, text, "list"))
SELECTOR = message(matchLabels=(1, text, "map"), matchExpressions=(2, EXPRESSION, "list"))
REFERENCE = message(
    "namespace uid resourceVersion fieldPath",
    kind=(1, text),
    namespace=(2, text),
    name=(3, text),
    uid=(4, text),
    apiVersion=(5, text),
    resourceVersion=(6, text),
    fieldPath=(7, text),
)
IDENTIFIER = message(name=(1, text), selector=(2, SELECTOR, "one"))
VALUE_V1BETA1 = message(
    describedObject=(1, REFERENCE),
    metricName=(2, text),
    timestamp=(3, time),
    window=(4, same, "one"),
    value=(5, quantity),
    selector=(6, SELECTOR, "one"),
)
VALUE_V1BETA2 = message(
    describedObject=(1, REFERENCE),
    metric=(2, IDENTIFIER),
    timestamp=(3, time),
    windowSeconds=(4, same, "one"),
    value=(5, quantity),
)
EXTERNAL_VALUE = message(
    metricName=(1, text),
    metricLabels=(2, text, "map"),
    timestamp=(3, time),
    window=(4, same, "one"),
    value=(5, quantity),
)
CAUSE = message("reason message field", reason=(1, text), message=(2, text), field=(3, text))
DETAILS = message(
    "name group kind uid retryAfterSeconds",
    name=(1, text),
    group=(2, text),
    kind=(3, text),
    uid=(6, text),
    causes=(4, CAUSE, "list"),
    retryAfterSeconds=(5, same),
)
STATUS = message(
    metadata=(1, LIST_META),
    status=(2, text),
    message=(3, text),
    reason=(4, text),
    details=(5, DETAILS, "one"),
    code=(6, same),
)


def list_of(item: Reader) -> Reader:
    read = message(metadata=(1, LIST_META), items=(2, item, "list"))

    def in_order(data: bytes) -> dict[str, Any]:
        found = read(data)
        return {"metadata": found["metadata"], "items": found.get("items", [])}

    return in_order


_METRICS = {
    "PodMetrics": POD,
    "PodMetricsList": list_of(POD),
    "NodeMetrics": NODE,
    "NodeMetricsList": list_of(NODE),
}
_META = {"PartialObjectMetadata": PARTIAL, "PartialObjectMetadataList": list_of(PARTIAL)}
_KINDS = {
    "metrics.k8s.io/v1": _METRICS,
    "metrics.k8s.io/v1beta1": _METRICS,
    "meta.k8s.io/v1": _META,
    "meta.k8s.io/v1beta1": _META,
    "custom.metrics.k8s.io/v1beta1": {"MetricValueList": list_of(VALUE_V1BETA1)},
    "custom.metrics.k8s.io/v1beta2": {"MetricValueList": list_of(VALUE_V1BETA2)},
    "external.metrics.k8s.io/v1beta1": {"ExternalMetricValueList": list_of(EXTERNAL_VALUE)},
    "v1": {"Status": STATUS},
}
