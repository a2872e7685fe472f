"""What the query of a list may say."""

from collections.abc import Mapping
from typing import NamedTuple

from adapter.apis.options import refuse_watch
from adapter.model.fields import FieldSelector, parse_field_selector
from adapter.model.labels import Selector, parse_selector
from adapter.model.resources import GroupResource


class ListOptions(NamedTuple):
    """The query of a list.

    ``limit``, ``continue``, ``resourceVersion`` and ``timeoutSeconds`` are accepted and ignored,
    as in metrics-server: a list is always whole and always current.
    """

    labels: Selector
    fields: FieldSelector

    @classmethod
    def parse(cls, query: Mapping[str, str], resource: GroupResource) -> "ListOptions":
        """Read *query*, asked of *resource*.

        Raises:
            BadRequest: A selector is wrong.
            MethodNotAllowed: It asks to watch.
        """
        refuse_watch(query, resource)
        return cls(
            parse_selector(query.get("labelSelector", "")),
            parse_field_selector(query.get("fieldSelector", "")),
        )

    def namespace(self) -> str | None:
        """The one namespace the field selector allows; None when it allows several."""
        for name, value, negated in self.fields.requirements:
            if name == "metadata.namespace" and not negated:
                return value
        return None
