"""A sealed state: what was verified, so that nobody without the key can have verified something else."""

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.verified_state import (
    NOTHING,
    BadStateError,
    BalancesDigest,
    RowChain,
    VerifiedState,
    open_state,
)

KEY, OTHER = b"k" * 32, b"o" * 32
STATE = VerifiedState(
    origin="example.org/log",
    size=7,
    root=b"r" * 32,
    tip="a" * 64,
    balances=b"b" * 32,
    records=b"c" * 32,
    receipts=2,
    receipts_sha256=b"d" * 32,
    verified_at=datetime(2026, 1, 2, tzinfo=UTC),
    previous=NOTHING,
)


def test_a_sealed_state_opens_with_any_of_our_keys_and_no_other():
    assert open_state(STATE.body, STATE.seal(KEY), (OTHER, KEY), STATE.origin) == STATE
    for keys in ((OTHER,), ()):
        with pytest.raises(BadStateError):
            open_state(STATE.body, STATE.seal(KEY), keys, STATE.origin)
    with pytest.raises(BadStateError, match=r"example\.org"):
        open_state(STATE.body, STATE.seal(KEY), (KEY,), "example.org/other")


@pytest.mark.parametrize("field", [each.name for each in fields(VerifiedState)])
def test_the_seal_covers_every_field(field):
    changes: dict[type, Any] = {str: "b" * 64, int: 9, bytes: b"x" * 32, datetime: datetime(2026, 1, 3, tzinfo=UTC)}
    changed = replace(STATE, **{field: changes[type(getattr(STATE, field))]})
    assert changed.body != STATE.body
    with pytest.raises(BadStateError):
        open_state(changed.body, STATE.seal(KEY), (KEY,), changed.origin)


@given(st.data())
def test_a_body_has_one_spelling(data):
    at = data.draw(st.integers(0, len(STATE.body) - 1))
    body = STATE.body[:at] + data.draw(st.sampled_from(["", "0", " ", "\n", "A", "x"])) + STATE.body[at + 1 :]
    try:
        parsed = VerifiedState.parse(body)
    except BadStateError:
        return
    assert parsed.body == body


def test_a_chain_of_rows_goes_on_where_it_was_left():
    whole, part = RowChain(), RowChain()
    for row in ("a", "b", "c"):
        whole.add(row)
    part.add("a")
    rest = RowChain(part.digest)
    for row in ("b", "c"):
        rest.add(row)
    assert rest.digest == whole.digest
    assert RowChain().digest == NOTHING


def digest_of(*balances: tuple[str, str]) -> bytes:
    digest = BalancesDigest()
    for account, balance in balances:
        digest.add(account, balance)
    return digest.digest


def test_an_account_without_money_makes_no_difference_and_any_other_does():
    some = [("NGN a", "1.00"), ("NGN b", "-1.00")]
    assert digest_of(*some, ("NGN c", "0.00"), ("NGN d", "0")) == digest_of(*some)
    assert digest_of(("NGN a", "10.00"), ("NGN b", "-10.00")) != digest_of(*some)
    assert digest_of(("NGN a", "0.01"), ("NGN b", "-0.01")) != digest_of()
