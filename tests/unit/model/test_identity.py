"""Who asks, after authentication."""

import pytest

from adapter.model.identity import ANONYMOUS, AUTHENTICATED, UserInfo


@pytest.mark.parametrize(
    ("user", "groups"),
    [
        pytest.param(UserInfo("ann"), (AUTHENTICATED,), id="nobody-special"),
        pytest.param(UserInfo("ann", groups=("a", "b")), ("a", "b", AUTHENTICATED), id="last"),
        pytest.param(UserInfo("ann", groups=(AUTHENTICATED, "a")), (AUTHENTICATED, "a"), id="once"),
        pytest.param(ANONYMOUS, ("system:unauthenticated",), id="anonymous-passed-on"),
        pytest.param(UserInfo("system:anonymous"), (), id="anonymous-without-groups"),
        pytest.param(
            UserInfo("ann", groups=("system:unauthenticated",)),
            ("system:unauthenticated",),
            id="said-not-to-be",
        ),
    ],
)
def test_the_group_of_all_who_are_authenticated(user, groups):
    assert user.authenticated().groups == groups
