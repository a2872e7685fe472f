"""JSON documents as the YAML kube-apiserver writes (``sigs.k8s.io/yaml``)."""

from typing import Any

import msgspec
import yaml


def to_yaml(text: bytes) -> bytes:
    r"""JSON *text* as YAML with the keys sorted.

    A string that YAML would read as a number, time or boolean is put in double quotes.

    >>> to_yaml(b'{"cpu":"1","at":"2021-10-03T09:37:08Z","memory":"8Mi","items":[]}')
    b'at: "2021-10-03T09:37:08Z"\ncpu: "1"\nitems: []\nmemory: 8Mi\n'
    """
    return yaml.dump(
        msgspec.json.decode(text),
        Dumper=_Dumper,
        encoding="utf-8",
        allow_unicode=True,
        default_flow_style=False,
        width=2**31 - 1,  # Go's writer does not fold lines
    )


# the C emitter is ten times as fast; wheels have it, a build from source may not
class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # a class chosen at run time
    """Writes strings the way Go's YAML writer quotes them."""


def _represent_text(dumper: Any, text: str) -> yaml.ScalarNode:
    style = '"' if _reads_as_other(dumper, text) else None
    node: yaml.ScalarNode = dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)
    return node


def _reads_as_other(dumper: Any, text: str) -> bool:
    if dumper.resolve(yaml.ScalarNode, text, (True, False)) != "tag:yaml.org,2002:str":
        return True
    try:
        float(text)  # "1e3" is a number for Go, a string for PyYAML
    except ValueError:
        return False
    return True


_Dumper.add_representer(str, _represent_text)
