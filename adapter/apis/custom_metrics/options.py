"""What the query of a request for metrics of objects may say."""

from collections.abc import Mapping
from typing import NamedTuple

from adapter.apis.options import refuse_watch, unknown_parameters
from adapter.errors import BadRequest
from adapter.model.fields import parse_field_selector
from adapter.model.labels import Selector, parse_selector
from adapter.model.resources import GroupResource


class ObjectOptions(NamedTuple):
    """The query of a request.

    Attributes:
        objects: Which objects are described (``labelSelector``); counts only without a name.
        series: Which series they are described by (``metricLabelSelector``).
        warning: What is to be told to the person who asked.
    """

    objects: Selector
    series: Selector
    warning: str | None

    @classmethod
    def parse(cls, query: Mapping[str, str], resource: GroupResource, name: str) -> "ObjectOptions":
        """Read *query*, asked of the object *name* of *resource*.

        Raises:
            BadRequest: A selector is wrong, or a field selector means another object.
            MethodNotAllowed: It asks to watch.
        """
        refuse_watch(query, resource)
        _check_fields(query.get("fieldSelector", ""), name)
        return cls(
            parse_selector(query.get("labelSelector", "")),
            parse_selector(query.get("metricLabelSelector", "")),
            unknown_parameters(query, ("labelSelector", "metricLabelSelector", "fieldSelector")),
        )


def _check_fields(text: str, name: str) -> None:
    # as apiserver's ListResource when the path has a name (pkg/endpoints/handlers/get.go)
    fields = parse_field_selector(text)
    if fields.empty:
        return
    exact = [each.value for each in fields.requirements if not each.negated]
    others = [each for each in fields.requirements if each.negated or each.field != "metadata.name"]
    if others or set(exact) != {name}:
        raise BadRequest("fieldSelector metadata.name doesn't match requested name", details=False)
