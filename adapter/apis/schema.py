"""Types that the answers of several groups are made of, in OpenAPI's words.

They have the names they have in kube-apiserver's documents, and of their fields those that are
ever set here.
"""

from collections.abc import Mapping
from typing import Any

from adapter.apis.base import Schema

_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
OBJECT_REFERENCE = "io.k8s.api.core.v1.ObjectReference"
OBJECT_META = f"{_META}.ObjectMeta"
LIST_META = f"{_META}.ListMeta"
TIME = f"{_META}.Time"
DURATION = f"{_META}.Duration"
LABEL_SELECTOR = f"{_META}.LabelSelector"
STATUS = f"{_META}.Status"


def text(description: str, **more: Any) -> Schema:
    """A string."""
    return {"description": description, "type": "string", **more}


def integer(description: str, *, bits: int = 64) -> Schema:
    """A whole number."""
    return {"description": description, "type": "integer", "format": f"int{bits}"}


def ref(name: str, description: str) -> Schema:
    """Another type, and what it means in this place."""
    return {"description": description, "$ref": name}


def array(items: Schema, description: str) -> Schema:
    """A list."""
    return {"description": description, "type": "array", "items": items}


def mapping(values: Schema, description: str) -> Schema:
    """A map by text."""
    return {"description": description, "type": "object", "additionalProperties": values}


def structure(
    description: str, properties: Mapping[str, Schema], required: tuple[str, ...] = ()
) -> Schema:
    """An object with named fields."""
    schema = {"description": description, "type": "object", "properties": properties}
    return schema | {"required": required} if required else schema


def kind(
    description: str, properties: Mapping[str, Schema], required: tuple[str, ...] = ()
) -> Schema:
    """An object that can be an answer: it says what it is."""
    said = {
        "apiVersion": text("Group and version of this type."),
        "kind": text("Name of this type."),
    }
    return structure(description, said | dict(properties), required)


def list_of(items: str, description: str) -> Schema:
    """A list that can be an answer; *items* names the type of its items."""
    return kind(
        description,
        {
            "metadata": ref(LIST_META, "Always empty: a list is always whole."),
            "items": array({"$ref": items}, "The items, sorted by name."),
        },
        ("items",),
    )


_SHARED_TEXT = {"type": "string"}

SHARED: Mapping[str, Schema] = {
    QUANTITY: text(
        "A number in Kubernetes' notation, such as 250m for a quarter, 1500k or 64Mi.",
    ),
    TIME: text("A time as RFC 3339 writes it, in UTC.", format="date-time"),
    DURATION: text("A duration as Go writes it, such as 15s or 1m30s."),
    OBJECT_META: structure(
        "What is known of the object that was measured.",
        {
            "name": text("Name of the object."),
            "namespace": text("Its namespace; absent where it is in none."),
            "creationTimestamp": ref(TIME, "When this answer was made."),
            "labels": mapping(_SHARED_TEXT, "The object's labels."),
            "annotations": mapping(_SHARED_TEXT, "Where the values come from, if that was asked."),
        },
    ),
    LIST_META: structure(
        "What is known of a list.",
        {
            "resourceVersion": text("Never set: there is nothing to watch."),
            "continue": text("Never set: a list is always whole."),
        },
    ),
    LABEL_SELECTOR: structure(
        "Chooses by labels; all requirements must hold.",
        {
            "matchLabels": mapping(_SHARED_TEXT, "Labels and the value each must have."),
            "matchExpressions": array(
                {"$ref": f"{LABEL_SELECTOR}Requirement"}, "Further requirements."
            ),
        },
    ),
    f"{LABEL_SELECTOR}Requirement": structure(
        "A requirement on one label.",
        {
            "key": text("The label."),
            "operator": text("How it is compared: In, NotIn, Exists or DoesNotExist."),
            "values": array(_SHARED_TEXT, "What it is compared with; none for the last two."),
        },
        ("key", "operator"),
    ),
    OBJECT_REFERENCE: structure(
        "Names an object.",
        {
            "apiVersion": text("Group and version of its kind."),
            "kind": text("Its kind."),
            "name": text("Its name."),
            "namespace": text("Its namespace; absent where it is in none."),
        },
    ),
    STATUS: kind(
        "Why there is no other answer.",
        {
            "metadata": ref(LIST_META, "Always empty."),
            "status": text("Failure."),
            "message": text("The cause, for a person."),
            "reason": text("The cause in one word, for a program."),
            "details": ref(f"{STATUS}Details", "What it is about."),
            "code": integer("The HTTP status.", bits=32),
        },
    ),
    f"{STATUS}Details": structure(
        "What a failure is about.",
        {
            "name": text("Name of the object."),
            "group": text("API group of the object."),
            "kind": text("Resource or kind of the object."),
            "causes": array({"$ref": f"{STATUS}Cause"}, "What it follows from."),
            "retryAfterSeconds": integer("When to ask again.", bits=32),
        },
    ),
    f"{STATUS}Cause": structure(
        "One of several causes.",
        {
            "reason": text("In one word, for a program."),
            "message": text("For a person."),
            "field": text("The field it is about."),
        },
    ),
}
"""By name."""

QUERY: Mapping[str, Schema] = {
    "fieldSelector": text(
        "Chooses objects by metadata.name and metadata.namespace, such as metadata.name=web-0."
    ),
    "labelSelector": text("Chooses by labels, such as app=web,tier in (a,b)."),
    "metricLabelSelector": text("Chooses series of the metric by their labels."),
    "includeObject": text("What a row of a table carries: None, Metadata or Object."),
    "origin": text("true adds an annotation that says which source the values came from."),
    "pretty": text("true indents the answer."),
}
"""Query parameters."""

PATH: Mapping[str, str] = {
    "namespace": "Namespace of the objects; for a metric of things outside of Kubernetes, that of "
    "who asks.",
    "name": "Name of the object; of a metric's objects also *, for those a label selector chooses.",
    "resource": "Plural name of the resource, followed by a dot and its group unless that is the "
    "core group.",
    "metric": "Name of the metric.",
}
"""Path parameters."""
