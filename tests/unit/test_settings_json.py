"""Flags of JSON documents and of annotations of HPAs."""

import pytest

from adapter.errors import ConfigError
from adapter.settings import parse_settings


@pytest.mark.parametrize(
    ("argument", "word"),
    [
        ("--json-idle-after=0s", "must be positive"),
        ("--json-max-fetches=0", "must be positive"),
        ("--json-max-body-bytes=0", "must be positive"),
        ("--hpa-annotations=shop,Front_End", "'Front_End' is no namespace"),
        ("--hpa-annotations=shop,", "'' is no namespace"),
        ("--hpa-annotations=*,shop", "either * or names"),
    ],
)
def test_what_cannot_be_meant_is_refused(argument, word):
    with pytest.raises(ConfigError) as refused:
        parse_settings([argument], {})

    (problem,) = refused.value.problems
    assert argument.partition("=")[0] in problem
    assert word in problem


@pytest.mark.parametrize(
    ("argument", "namespaces"),
    [
        ("--hpa-annotations=*", ("*",)),
        ("--hpa-annotations=shop,front-end", ("shop", "front-end")),
        ("--hpa-annotations=", ()),
    ],
)
def test_namespaces_are_named_or_all(argument, namespaces):
    assert parse_settings([argument], {}).hpa_annotations == namespaces


def test_any_hpa_may_make_this_server_fetch_only_where_that_is_said():
    assert parse_settings([], {}).hpa_annotations == ()
    assert not parse_settings([], {}).warnings
    (warning,) = parse_settings(["--hpa-annotations=*"], {}).warnings
    assert "whoever may write an HPA" in warning
