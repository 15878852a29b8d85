"""Which accounts a login names."""

import pytest

from gateway.accounts import accounts_of


@pytest.mark.parametrize(
    ("body", "accounts"),
    [
        (b'{"email": "a@x.ng", "password": "p"}', ("a@x.ng",)),
        (b'{"username": "amina"}', ("amina",)),
        (b'{"username": "amina", "email": "b@x.ng"}', ("b@x.ng", "amina")),
        (b'{"email": 1, "username": ""}', ()),
        (b'{"email": "' + b"a" * 400 + b'"}', ()),
        (b"[1]", ()),
        (b"no json", ()),
        (b"", ()),
        (b"[" * 10_000, ()),
        (b'{"email": "\\ud800"}', ()),
    ],
)
def test_whatever_the_body_is_it_names_accounts_or_none(body, accounts):
    assert accounts_of(body) == accounts
