"""What a rail's answer means, and what binds a block to an account it does not show."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import payments
from ledger.domain.payments import RailAnswer, outcome
from ledger.domain.transactions import RailStatus, Status, check_move

AMOUNT = Decimal("60.00")
SOON = timedelta(seconds=1)
LATE = payments.NOT_FOUND_GRACE


@pytest.mark.parametrize(
    ("current", "said", "waited", "following"),
    [
        (Status.SUBMITTED, RailStatus.PAID, SOON, Status.COMPLETED),
        (Status.UNKNOWN, RailStatus.PAID, SOON, Status.COMPLETED),
        (Status.SUBMITTED, RailStatus.PROCESSING, LATE, Status.SUBMITTED),
        (Status.SUBMITTED, RailStatus.FAILED, SOON, Status.FAILED),
        (Status.UNKNOWN, RailStatus.NOT_FOUND, SOON, Status.UNKNOWN),
        (Status.UNKNOWN, RailStatus.NOT_FOUND, LATE, Status.FAILED),
        (Status.COMPLETED, RailStatus.PAID, LATE, Status.COMPLETED),
        (Status.COMPLETED, RailStatus.REVERSED, SOON, Status.REVERSED),
        (Status.SUBMITTED, RailStatus.REVERSED, SOON, Status.COMPLETED),
        (Status.FAILED, RailStatus.PAID, SOON, Status.DISPUTED),
        (Status.FAILED, RailStatus.REVERSED, SOON, Status.DISPUTED),
        (Status.COMPLETED, RailStatus.FAILED, SOON, Status.DISPUTED),
        (Status.COMPLETED, RailStatus.NOT_FOUND, SOON, Status.DISPUTED),
    ],
)
def test_an_answer_leads_to_one_state(current, said, waited, following):
    assert outcome(current, RailAnswer(said, AMOUNT, "NGN"), AMOUNT, "NGN", waited=waited) is following


@pytest.mark.parametrize(("amount", "currency"), [(Decimal("60.01"), "NGN"), (AMOUNT, "USD")])
def test_another_amount_or_currency_is_a_dispute(amount, currency):
    answer = RailAnswer(RailStatus.PAID, amount, currency)
    assert outcome(Status.SUBMITTED, answer, AMOUNT, "NGN", waited=SOON) is Status.DISPUTED


@given(
    st.sampled_from([Status.SUBMITTED, Status.UNKNOWN, Status.COMPLETED, Status.FAILED, Status.REVERSED]),
    st.sampled_from(RailStatus),
    st.sampled_from([AMOUNT, AMOUNT + 1, None]),
    st.timedeltas(timedelta(0), timedelta(days=9)),
)
def test_whatever_a_rail_says_the_next_state_is_an_allowed_one(current, said, amount, waited):
    answer = RailAnswer(said, amount, None if amount is None else "NGN")
    following = outcome(current, answer, AMOUNT, "NGN", waited=waited)
    if following is not current:
        check_move(current, following)
    assert following not in {Status.PENDING, Status.SUBMITTED} or following is current


def test_a_commitment_depends_on_every_field_and_on_its_salt():
    salt = bytes(32)
    fields = {"account_number": "0000000001", "bank_code": "058"}
    commitment = payments.personal_commitment(salt, fields)
    assert commitment == payments.personal_commitment(salt, dict(reversed(fields.items())))
    assert commitment != payments.personal_commitment(bytes(31) + b"\x01", fields)
    assert commitment != payments.personal_commitment(salt, fields | {"bank_code": "059"})


def test_answers_are_asked_for_ever_more_rarely_but_never_given_up():
    pauses = [payments.pause_before_asking(asked) for asked in range(30)]
    assert pauses == sorted(pauses)
    assert pauses[0] == timedelta(seconds=1)
    assert pauses[-1] == payments.ASK_PAUSE_MAX
