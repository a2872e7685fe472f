"""OpenAPI of the groups: in version 3 a document for each of their versions, in version 2 one.

What is in them comes from the groups: routes, types. Names of metrics are not: there may be
thousands, which come and go. Only ``kubectl explain`` would look for them, and only for those of
external metrics: names with a slash are subresources to it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from adapter.apis.base import APIGroup, Operation, Route, Schema, Types
from adapter.apis.schema import PATH, QUERY, SHARED, STATUS, text
from adapter.server.negotiate import TEXTUAL, MediaType

_GVK = "x-kubernetes-group-version-kind"
_OK, _FAILED = "The answer.", "Why there is none."


def version_3(group: APIGroup, version: str, program: str) -> dict[str, Any]:
    """The document of one version of *group*; *program* is the server's version."""
    form = _Version3()
    return {
        "openapi": "3.0.0",
        "info": _info(program),
        "paths": _paths(group, version, form),
        "components": {"schemas": _definitions(group, version, form)},
    }


def version_2(groups: Sequence[APIGroup], program: str) -> dict[str, Any]:
    """The document of all versions of *groups*."""
    form = _Version2()
    versions = [(group, version) for group in groups for version in group.versions]
    definitions: dict[str, Any] = {}
    for group, version in versions:
        definitions |= _definitions(group, version, form)
    return {
        "swagger": "2.0",
        "info": _info(program),
        "paths": {
            path: item
            for group, version in versions
            for path, item in _paths(group, version, form).items()
        },
        "definitions": dict(sorted(definitions.items())),
    }


class _Form(Protocol):
    """How a version of OpenAPI writes what both have."""

    unknown: frozenset[str]
    """Keywords of schemas it does not have."""

    def reference(self, schema: Schema) -> dict[str, Any]:
        """A schema with a ``$ref``."""

    def parameter(self, schema: Schema, **named: Any) -> dict[str, Any]:
        """A parameter."""

    def answers(self, media_types: Sequence[str], name: str) -> dict[str, Any]:
        """The parts of an operation that are about its answers, of the type *name*."""


class _Version3:
    unknown: frozenset[str] = frozenset()

    def reference(self, schema: Schema) -> dict[str, Any]:
        target = {"$ref": f"#/components/schemas/{schema['$ref']}"}
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return {**rest, "allOf": [target]} if rest else target  # what is beside $ref is ignored

    def parameter(self, schema: Schema, **named: Any) -> dict[str, Any]:
        rest = {key: value for key, value in schema.items() if key != "description"}
        return {**named, "description": schema["description"], "schema": rest}

    def answers(self, media_types: Sequence[str], name: str) -> dict[str, Any]:
        def answer(description: str, of: str) -> dict[str, Any]:
            schema = self.reference({"$ref": of})
            content = {media_type: {"schema": schema} for media_type in media_types}
            return {"description": description, "content": content}

        return {"responses": {"200": answer(_OK, name), "default": answer(_FAILED, STATUS)}}


class _Version2:
    unknown = frozenset({"nullable"})

    def reference(self, schema: Schema) -> dict[str, Any]:
        rest = {key: value for key, value in schema.items() if key not in {"$ref", *self.unknown}}
        return {**rest, "$ref": f"#/definitions/{schema['$ref']}"}

    def parameter(self, schema: Schema, **named: Any) -> dict[str, Any]:
        return {**named, **schema}

    def answers(self, media_types: Sequence[str], name: str) -> dict[str, Any]:
        def answer(description: str, of: str) -> dict[str, Any]:
            return {"description": description, "schema": self.reference({"$ref": of})}

        return {
            "produces": media_types,
            "responses": {"200": answer(_OK, name), "default": answer(_FAILED, STATUS)},
        }


def _info(program: str) -> dict[str, str]:
    return {"title": "Viaduct", "version": program}


def _paths(group: APIGroup, version: str, form: _Form) -> dict[str, Any]:
    prefix = f"/apis/{group.name}/{version}"
    return {
        prefix + route.path: {"get": _get(group, version, route, route.operation, form)}
        for route in group.routes
        if route.operation is not None
    }


def _get(
    group: APIGroup, version: str, route: Route, operation: Operation, form: _Form
) -> dict[str, Any]:
    short_name = group.name.partition(".")[0]
    media_types = [*TEXTUAL, MediaType.PROTOBUF] if group.protobuf else TEXTUAL
    answer = _types(group).name(version, operation.answer)
    in_path = [
        form.parameter(text(PATH[name]), name=name, required=True, **{"in": "path"})
        for name in re.findall(r"\{(\w+)\}", route.path)
    ]
    in_query = [
        form.parameter(QUERY[name], name=name, **{"in": "query"}) for name in operation.query
    ]
    return {
        "tags": [f"{short_name}_{version}"],
        "description": operation.summary,
        "operationId": route.verb + _camel_case(f"{short_name}/{version}{route.path}"),
        "parameters": [*in_path, *in_query],
        **form.answers([str(media_type) for media_type in media_types], answer),
        "x-kubernetes-action": route.verb,
        _GVK: {"group": group.name, "version": version, "kind": operation.kind},
    }


def _definitions(group: APIGroup, version: str, form: _Form) -> dict[str, Any]:
    """The types of a version and those they are made of, by name."""
    types = _types(group)
    found: dict[str, Schema] = {}
    for kind, schema in types.of_version(version).items():
        is_answer = "kind" in schema.get("properties", ())
        said = {_GVK: [{"group": group.name, "version": version, "kind": kind}]}
        found[types.name(version, kind)] = {**schema, **said} if is_answer else schema
    missing = {STATUS}
    while missing:
        found |= {name: SHARED[name] for name in missing}
        missing = {name for schema in found.values() for name in _referred(schema)} - set(found)
    return {name: _written(found[name], form) for name in sorted(found)}


def _types(group: APIGroup) -> Types:
    if group.types is None:
        raise ValueError(f"the types of {group.name} are not described")
    return group.types


def _referred(schema: Any) -> set[str]:
    """Names of the types *schema* refers to."""
    if isinstance(schema, Mapping):
        names = {schema["$ref"]} if "$ref" in schema else set()
        return names.union(*map(_referred, schema.values()))
    return set().union(*map(_referred, schema)) if isinstance(schema, list | tuple) else set()


def _written(schema: Any, form: _Form) -> Any:
    if isinstance(schema, Mapping):
        if "$ref" in schema:
            return form.reference(schema)
        return {
            key: _written(value, form) for key, value in schema.items() if key not in form.unknown
        }
    return [_written(each, form) for each in schema] if isinstance(schema, list | tuple) else schema


def _camel_case(path: str) -> str:
    """The words of *path*, each with a capital.

    >>> _camel_case("metrics/v1/pods/{name}")
    'MetricsV1PodsName'
    """
    return "".join(word[0].upper() + word[1:] for word in re.findall(r"\w+", path))
