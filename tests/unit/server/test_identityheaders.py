"""Headers in which the aggregator says who asks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from adapter.kube.authenticationconfig import AuthenticationConfig
from adapter.model.identity import UserInfo
from adapter.server.identityheaders import (
    IdentityHeaders,
    InvalidHeader,
    as_headers,
    bearer_token,
)

CONFIG = AuthenticationConfig(
    username_headers=("X-Remote-User", "X-Other-User"),
    uid_headers=("X-Remote-Uid",),
    group_headers=("X-Remote-Group", "X-Other-Group"),
    extra_prefixes=("X-Remote-Extra-",),
)
HEADERS = IdentityHeaders(CONFIG)


def user(*pairs):
    return HEADERS.user(HEADERS.sort(CIMultiDict(pairs)).identity)


def remaining(headers, identity_headers=HEADERS):
    return list(as_headers(identity_headers.sort(headers).kept).items())


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        pytest.param([], None, id="nothing"),
        pytest.param([("X-Remote-User", "")], None, id="empty-user"),
        pytest.param([("X-Remote-Group", "system:masters")], None, id="groups-alone"),
        pytest.param([("x-remote-user", "ann")], UserInfo("ann"), id="case-does-not-count"),
        pytest.param([("X-Other-User", "bob")], UserInfo("bob"), id="second-header"),
        pytest.param(
            [("X-Other-User", "bob"), ("X-Remote-User", "ann")], UserInfo("ann"), id="first-counts"
        ),
        pytest.param(
            [("X-Remote-User", ""), ("X-Other-User", "bob")], UserInfo("bob"), id="first-non-empty"
        ),
        pytest.param(
            [("X-Remote-User", "ann"), ("X-Remote-Uid", "7")], UserInfo("ann", "7"), id="uid"
        ),
        pytest.param(
            [
                ("X-Remote-User", "ann"),
                ("X-Other-Group", "c"),
                ("X-Remote-Group", "a"),
                ("X-Remote-Group", ""),
                ("X-Remote-Group", "b"),
            ],
            UserInfo("ann", groups=("a", "b", "c")),
            id="all-groups",
        ),
        pytest.param([("X-Remote-User", "änn")], UserInfo("änn"), id="utf-8"),
    ],
)
def test_users(pairs, expected):
    assert user(*pairs) == expected


@pytest.mark.parametrize(
    ("header", "key"),
    [
        pytest.param("X-Remote-Extra-Scopes", "scopes", id="lower-case"),
        pytest.param("x-remote-extra-acme.com%2fproject", "acme.com/project", id="decoded"),
        pytest.param("X-Remote-Extra-A%41", "aA", id="decoded-last"),
        pytest.param("X-Remote-Extra-50%", "50%", id="not-encoded"),
        pytest.param("X-Remote-Extra-%zz%41", "%zz%41", id="badly-encoded"),
        pytest.param("X-Remote-Extra-a+b", "a+b", id="plus"),
        pytest.param("X-Remote-Extra-", "", id="no-key"),
    ],
)
def test_extra_keys(header, key):
    found = user(("X-Remote-User", "ann"), (header, "1"), (header, "2"))

    assert found.extra == {key: ("1", "2")}


@pytest.mark.parametrize(
    "pairs",
    [
        pytest.param([("X-Remote-User", "ann"), ("X-Remote-User", "root")], id="two-users"),
        pytest.param([("X-Remote-User", "ann"), ("x-remote-user", "ann")], id="the-same-twice"),
        pytest.param([("X-Remote-User", ""), ("X-Remote-User", "root")], id="empty-and-user"),
        pytest.param(
            [("X-Remote-User", "ann"), ("X-Remote-Uid", "1"), ("X-Remote-Uid", "2")], id="two-uids"
        ),
        pytest.param([("X-Remote-User", "r\udcff")], id="user-not-utf-8"),
        pytest.param([("X-Remote-User", "a"), ("X-Remote-Group", "\udcff")], id="group-not-utf-8"),
    ],
)
def test_what_is_ambiguous_is_refused_without_showing_it(pairs):
    """Go takes the first of two users; the aggregator never sends two."""
    with pytest.raises(InvalidHeader) as refused:
        user(*pairs)

    assert "root" not in str(refused.value)


def test_nothing_that_names_or_proves_an_identity_remains():
    headers = CIMultiDict(
        [
            ("Accept", "a"),
            ("AUTHORIZATION", "Bearer s"),
            ("Authorization", "Bearer t"),
            ("X-Remote-User", "ann"),
            ("X-Other-Group", "g"),
            ("x-remote-extra-scopes", "1"),
            ("X-Remote-Unknown", "1"),
            ("Impersonate-User", "root"),
            ("impersonate-extra-a", "1"),
            ("Accept", "b"),
            ("X-Odd", "\udcff"),
        ]
    )

    kept = remaining(headers)

    assert kept == [("Accept", "a"), ("Accept", "b"), ("X-Odd", "�")]
    assert HEADERS.sort(headers).removed
    assert not HEADERS.sort(CIMultiDict(kept)).removed


def test_without_configuration_the_usual_headers_go_all_the_same():
    headers = CIMultiDict([("X-Remote-User", "ann"), ("Authorization", "x")])
    nothing = IdentityHeaders(AuthenticationConfig())

    assert nothing.user(nothing.sort(headers).identity) is None
    assert remaining(headers, nothing) == []


NAMES = st.sampled_from(
    ["X-Remote-User", "x-remote-extra-a", "Impersonate-User", "Accept", "Authorization", "X-B"]
)


@given(st.lists(st.tuples(NAMES, st.text("ab\udcff", max_size=3))))
def test_what_remains_is_in_order_and_harmless(pairs):
    headers = CIMultiDict(pairs)
    harmless = [name for name, _ in pairs if name in {"Accept", "X-B"}]

    assert [name for name, _ in remaining(headers)] == harmless
    assert HEADERS.sort(headers).removed is (len(harmless) < len(pairs))


def test_what_is_remembered_is_bounded_and_holds_no_credential():
    headers = IdentityHeaders(CONFIG)
    for number in range(3000):
        pairs = [("X-Remote-User", f"u{number}"), (f"X-{number}", "1"), ("Authorization", "hunter")]
        found = headers.sort(CIMultiDict(pairs))
        assert headers.user(found.identity) == UserInfo(f"u{number}")
        assert found.kept == [(f"X-{number}", "1")]

    assert len(headers._users) <= 1000
    assert len(headers._fates) <= 1000
    assert "hunter" not in str(vars(headers))


def test_long_names_are_not_remembered():
    """A client chooses them, and one may be as long as a header."""
    headers = IdentityHeaders(CONFIG)
    for number in range(200):
        name = f"X-{number}-" + "a" * 60_000
        found = headers.sort(CIMultiDict([(name, "1"), (f"X-Remote-Extra-{name}", "2")]))
        assert found.kept == [(name, "1")]
        assert [value for _, value in found.identity] == ["2"]

    assert sum(map(len, headers._fates)) < 10_000


def test_names_of_strangers_do_not_keep_others_from_being_remembered():
    headers = IdentityHeaders(CONFIG)
    for number in range(1000):
        headers.sort(CIMultiDict([(f"X-{number}", "1")]))

    headers.sort(CIMultiDict([("Accept", "a")]))

    assert "Accept" in headers._fates


def test_long_identities_are_not_remembered():
    headers = IdentityHeaders(CONFIG)
    for number in range(100):
        pairs = [("X-Remote-User", f"u{number}"), ("X-Remote-Extra-A", "x" * 60_000)]
        found = headers.user(headers.sort(CIMultiDict(pairs)).identity)
        assert found == UserInfo(f"u{number}", extra={"a": ("x" * 60_000,)})

    assert not headers._users


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("  BEARER abc  ", "abc"),
        ("Bearer abc def", "abc"),
        ("Bearer", None),
        ("Bearer ", None),
        ("Bearer  abc", None),
        ("Basic YTpi", None),
        ("abc", None),
        ("", None),
    ],
)
def test_bearer_tokens(header, token):
    assert bearer_token(header) == token
