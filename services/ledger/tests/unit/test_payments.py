"""What a rail's answer means, and what binds a block to an account it does not show."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import payments
from ledger.domain.disputes import Outcome, Step, final_status, steps
from ledger.domain.payments import RailAnswer, is_lost, outcome
from ledger.domain.refusals import IllegalStateError
from ledger.domain.transactions import RailStatus, Status, TransactionType, check_move

AMOUNT = Decimal("60.00")


@pytest.mark.parametrize(
    ("current", "said", "lost", "following", "code"),
    [
        (Status.SUBMITTED, RailStatus.PAID, False, Status.COMPLETED, None),
        (Status.UNKNOWN, RailStatus.PAID, False, Status.COMPLETED, None),
        (Status.SUBMITTED, RailStatus.PROCESSING, True, Status.SUBMITTED, None),
        (Status.SUBMITTED, RailStatus.FAILED, False, Status.FAILED, None),
        (Status.UNKNOWN, RailStatus.NOT_FOUND, False, Status.UNKNOWN, None),
        (Status.UNKNOWN, RailStatus.NOT_FOUND, True, Status.FAILED, "not_received_by_rail"),
        (Status.COMPLETED, RailStatus.PAID, True, Status.COMPLETED, None),
        (Status.COMPLETED, RailStatus.REVERSED, False, Status.REVERSED, None),
        (Status.SUBMITTED, RailStatus.REVERSED, False, Status.COMPLETED, None),
        (Status.FAILED, RailStatus.NOT_FOUND, True, Status.FAILED, None),
        (Status.FAILED, RailStatus.PAID, False, Status.DISPUTED, "paid_after_failure"),
        (Status.FAILED, RailStatus.REVERSED, False, Status.DISPUTED, "reversal_without_payment"),
        (Status.REVERSED, RailStatus.PAID, False, Status.DISPUTED, "paid_after_reversal"),
        (Status.COMPLETED, RailStatus.FAILED, False, Status.DISPUTED, "failed_after_completion"),
        (Status.COMPLETED, RailStatus.NOT_FOUND, False, Status.DISPUTED, "unknown_to_rail"),
    ],
)
def test_an_answer_leads_to_one_state(current, said, lost, following, code):
    ruling = outcome(current, RailAnswer(said, AMOUNT, "NGN"), AMOUNT, "NGN", lost=lost)
    assert (ruling.status, ruling.code) == (following, code)


@pytest.mark.parametrize(("amount", "currency"), [(Decimal("60.01"), "NGN"), (AMOUNT, "USD")])
def test_another_amount_or_currency_is_a_dispute(amount, currency):
    answer = RailAnswer(RailStatus.PAID, amount, currency)
    ruling = outcome(Status.SUBMITTED, answer, AMOUNT, "NGN", lost=False)
    assert (ruling.status, ruling.code) == (Status.DISPUTED, "amount_differs")


@given(
    st.sampled_from([Status.SUBMITTED, Status.UNKNOWN, Status.COMPLETED, Status.FAILED, Status.REVERSED]),
    st.sampled_from(RailStatus),
    st.sampled_from([AMOUNT, AMOUNT + 1, None]),
    st.booleans(),
)
def test_whatever_a_rail_says_the_next_state_is_an_allowed_one(current, said, amount, lost):
    answer = RailAnswer(said, amount, None if amount is None else "NGN")
    following = outcome(current, answer, AMOUNT, "NGN", lost=lost).status
    if following is not current:
        check_move(current, following)
    assert following not in {Status.PENDING, Status.SUBMITTED} or following is current


@given(st.lists(st.tuples(st.sampled_from(RailStatus), st.booleans()), max_size=8))
def test_whatever_comes_in_whatever_order_a_payment_is_booked_at_most_once_each_way(answers):
    current, seen = Status.SUBMITTED, [Status.SUBMITTED]
    for said, lost in answers:
        current = outcome(current, RailAnswer(said, AMOUNT, "NGN"), AMOUNT, "NGN", lost=lost).status
        if current is not seen[-1]:
            seen.append(current)
    assert len(seen) == len(set(seen)), "no state is ever entered a second time"


@pytest.mark.parametrize(
    ("waited_seconds", "asked", "lost_after_seconds", "lost"),
    [
        (59, 50, 60, False),
        (60, 6, 60, False),
        (60, 7, 60, True),
        (36_000, 1, 60, False),
        (3_600, 20, 3_600, False),
        (3_600, 21, 3_600, True),
    ],
)
def test_a_reference_is_lost_only_after_its_time_and_after_enough_questions(
    waited_seconds, asked, lost_after_seconds, lost
):
    waited, lost_after = (timedelta(seconds=each) for each in (waited_seconds, lost_after_seconds))
    assert is_lost(waited, asked, lost_after) is lost


@pytest.mark.parametrize("lost_after", [timedelta(seconds=60), timedelta(hours=1)])
def test_enough_questions_take_as_long_by_any_clock(lost_after):
    """As the books schedule them: the first after one pause, each further one after that of the one before it."""
    waited, asked = payments.pause_before_asking(0), 1
    while not is_lost(timedelta(days=1), asked, lost_after):
        waited += payments.pause_before_asking(asked - 1)
        asked += 1
    assert lost_after <= waited < lost_after + payments.ASK_PAUSE_MAX


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


@pytest.mark.parametrize(
    ("kind", "before", "said", "taken"),
    [
        (TransactionType.DISBURSEMENT, Status.UNKNOWN, Outcome.COMPLETED, (Step.COMPLETE,)),
        (TransactionType.DISBURSEMENT, Status.SUBMITTED, Outcome.FAILED, (Step.FAIL,)),
        (TransactionType.DISBURSEMENT, Status.UNKNOWN, Outcome.REVERSED, (Step.COMPLETE, Step.REVERSE)),
        (TransactionType.DISBURSEMENT, Status.COMPLETED, Outcome.COMPLETED, ()),
        (TransactionType.DISBURSEMENT, Status.COMPLETED, Outcome.FAILED, None),
        (TransactionType.DISBURSEMENT, Status.COMPLETED, Outcome.REVERSED, (Step.REVERSE,)),
        (TransactionType.DISBURSEMENT, Status.FAILED, Outcome.COMPLETED, (Step.CORRECT,)),
        (TransactionType.DISBURSEMENT, Status.FAILED, Outcome.FAILED, ()),
        (TransactionType.REFUND, Status.UNKNOWN, Outcome.REVERSED, None),
        (TransactionType.DONATION, Status.SUBMITTED, Outcome.COMPLETED, (Step.CREDIT,)),
        (TransactionType.DONATION, Status.FAILED, Outcome.FAILED, ()),
        (TransactionType.DONATION, Status.COMPLETED, Outcome.FAILED, None),
        (TransactionType.COMMITMENT, Status.COMPLETED, Outcome.COMPLETED, None),
    ],
)
def test_the_books_do_only_what_they_have_not_done_before_a_dispute(kind, before, said, taken):
    assert steps(kind, before, said) == taken


@given(st.sampled_from(TransactionType), st.sampled_from(Status), st.sampled_from(Outcome))
def test_every_way_out_of_a_dispute_ends_in_an_allowed_state(kind, before, said):
    taken = steps(kind, before, said)
    if taken is not None:
        check_move(Status.DISPUTED, final_status(before, said, taken))
    with pytest.raises(IllegalStateError):
        check_move(Status.DISPUTED, Status.UNKNOWN)
