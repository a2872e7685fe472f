"""Names as Kubernetes accepts them (apimachinery ``pkg/util/validation``), with its error texts."""

import re

_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_NAME_RE = re.compile(_NAME)
_SUBDOMAIN_RE = re.compile(_SUBDOMAIN)
_NAME_RULE = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    f"validation is '{_NAME}')"
)
_PREFIX_RULE = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value', "
    f" or '12345', regex used for validation is '({_NAME})?')"
)
_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    f"for validation is '{_SUBDOMAIN}')"
)


def qualified_name_problems(name: str) -> list[str]:
    """What is wrong with *name* as a label key; empty when it is one."""
    prefix, slash, rest = name.rpartition("/")
    if "/" in prefix:
        return [f"a valid label key {_NAME_RULE} {_PREFIX_RULE}"]
    problems = []
    if slash and not prefix:
        problems.append("prefix part must be non-empty")
    elif slash:
        if len(prefix.encode()) > 253:
            problems.append("prefix part must be no more than 253 bytes")
        if not _SUBDOMAIN_RE.fullmatch(prefix):
            problems.append(f"prefix part {_SUBDOMAIN_RULE}")
    if not rest:
        problems.append("name part must be non-empty")
    elif len(rest.encode()) > 63:
        problems.append("name part must be no more than 63 bytes")
    if not _NAME_RE.fullmatch(rest):
        problems.append(f"name part {_NAME_RULE}")
    return problems


def label_value_problems(value: str) -> list[str]:
    """What is wrong with *value* as a label value; empty when it is one."""
    problems = []
    if len(value.encode()) > 63:
        problems.append("must be no more than 63 bytes")
    if value and not _NAME_RE.fullmatch(value):
        problems.append(_VALUE_RULE)
    return problems
