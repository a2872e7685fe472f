"""What does not fit together among the flags of JSON documents and of annotations of HPAs."""

import re
from collections.abc import Iterator

from adapter.settings.json_source import JsonSettings

_ALL = "*"
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
"""A DNS label (RFC 1123), as Kubernetes wants it."""


def json_problems(settings: JsonSettings) -> Iterator[str]:
    """Sentences, each naming the flag to change."""
    numbers = {
        "json-idle-after": settings.json_idle_after,
        "json-max-fetches": settings.json_max_fetches,
        "json-max-body-bytes": settings.json_max_body_bytes,
    }
    for name, value in numbers.items():
        if value <= 0:
            yield f"--{name} must be positive"
    namespaces = settings.hpa_annotations
    if _ALL in namespaces and len(namespaces) > 1:
        yield "--hpa-annotations takes either * or names of namespaces"
        return
    for namespace in namespaces:
        if namespace != _ALL and not _NAMESPACE.fullmatch(namespace):
            yield f"--hpa-annotations: {namespace!r} is no namespace; name some, or * for all"


def json_cautions(settings: JsonSettings) -> Iterator[str]:
    """Sentences about what works but may not be meant."""
    if _ALL in settings.hpa_annotations:
        yield (
            "--hpa-annotations=*: whoever may write an HPA, in any namespace, makes this server "
            "fetch what it names"
        )
