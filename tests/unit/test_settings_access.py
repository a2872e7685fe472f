"""Flags of authentication and authorization."""

import pytest

from adapter.errors import ConfigError
from adapter.settings import parse_settings


def test_defaults_are_the_peers():
    settings = parse_settings([], {})

    assert settings.authorization_always_allow_paths == ("/healthz", "/readyz", "/livez")
    assert settings.authentication_token_webhook_cache_ttl == 10
    assert settings.authorization_webhook_cache_authorized_ttl == 10
    assert settings.authorization_webhook_cache_unauthorized_ttl == 10
    assert not settings.authentication_skip_lookup
    assert not settings.authentication_tolerate_lookup_failure


@pytest.mark.parametrize(
    ("argv", "paths"),
    [
        (["--authorization-always-allow-paths=/metrics"], ("/metrics",)),
        (["--authorization-always-allow-paths=/a,/b*"], ("/a", "/b*")),
        (["--authorization-always-allow-paths="], ()),
    ],
)
def test_open_paths_replace_the_default(argv, paths):
    assert parse_settings(argv, {}).authorization_always_allow_paths == paths


@pytest.mark.parametrize(
    ("argument", "word"),
    [
        ("--authorization-always-allow-paths=/a*b", "may only be at the end"),
        ("--authentication-token-webhook-cache-ttl=-1s", "must not be negative"),
        ("--authorization-webhook-cache-authorized-ttl=-1s", "must not be negative"),
        ("--authorization-webhook-cache-unauthorized-ttl=-1s", "must not be negative"),
        ("--requestheader-username-headers=X-User,", "no name of an HTTP header"),
        ("--requestheader-group-headers=X Group", "no name of an HTTP header"),
        ("--requestheader-uid-headers=X:Y", "no name of an HTTP header"),
        ("--requestheader-extra-headers-prefix=ä", "no name of an HTTP header"),
    ],
)
def test_what_cannot_be_meant_is_refused(argument, word):
    with pytest.raises(ConfigError) as refused:
        parse_settings([argument], {})

    (problem,) = refused.value.problems
    assert argument.partition("=")[0] in problem
    assert word in problem


@pytest.mark.parametrize(
    ("argv", "warned"),
    [
        (["--authentication-skip-lookup"], True),
        (["--authentication-skip-lookup", "--requestheader-client-ca-file=/ca.crt"], False),
        (["--authentication-skip-lookup", "--client-ca-file=/ca.crt"], False),
        (["--authorization-always-allow-paths=*"], True),
        (["--authorization-always-allow-paths=/metrics"], False),
    ],
)
def test_what_may_not_be_meant_is_warned_about(argv, warned):
    assert bool(parse_settings(argv, {}).warnings) is warned
