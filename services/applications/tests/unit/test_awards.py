"""Awards: tranches that sum, cancelling, completing, two people."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from applications.domain.award import Award, DisbursementRequest, Tranche, TranchePlan, plan_of
from applications.domain.program import Program
from applications.domain.refusals import FieldRefusalError, IllegalStateError, IsPayeeError, SamePersonError
from chassis.ids import new_id

NOW = datetime(2026, 5, 1, tzinfo=UTC)
TODAY = NOW.date()


def _program() -> Program:
    return Program(
        id=new_id(),
        status="open",
        currency="NGN",
        title="Tailors",
        open_date=date(2026, 1, 1),
        close_date=date(2026, 12, 31),
        time_zone="Africa/Lagos",
        award_min=Decimal("50000.00"),
        award_max=Decimal("500000.00"),
        review_quorum=2,
    )


def _award(*states: str) -> Award:
    tranches = [
        Tranche(new_id(), number, Decimal("10.00"), TODAY, "", state)  # type: ignore[arg-type] # literals in the callers
        for number, state in enumerate(states, start=1)
    ]
    amount = Decimal("10.00") * len(states)
    return Award(new_id(), new_id(), new_id(), amount, "NGN", "committed", NOW, tranches)


def test_no_tranches_means_one_due_today() -> None:
    [only] = plan_of(_program(), Decimal("50000.00"), "NGN", [], TODAY)
    assert (only.amount, only.due_on) == (Decimal("50000.00"), TODAY)


def test_an_award_outside_the_program_is_refused_with_all_its_faults() -> None:
    plan = [TranchePlan(Decimal("1.00"), TODAY, "")]
    with pytest.raises(FieldRefusalError) as refused:
        plan_of(_program(), Decimal("49999.99"), "USD", plan, TODAY)
    assert [code for _, code, _ in refused.value.errors] == [
        "currency_mismatch",
        "out_of_range",
        "tranches_do_not_sum",
    ]


def test_cancelling_returns_what_is_unpaid_and_waits_for_a_payment_under_way() -> None:
    award = _award("paid", "planned", "failed")
    assert award.cancel() == Decimal("20.00")
    assert [each.state for each in award.tranches] == ["paid", "cancelled", "cancelled"]
    with pytest.raises(IllegalStateError):
        award.cancel()
    with pytest.raises(IllegalStateError):
        _award("approved", "planned").cancel()


def test_an_award_is_completed_by_its_last_payment_and_reopened_by_one_that_came_back() -> None:
    award = _award("paid", "paid")
    states = []
    for state in ("paid", "reversed"):
        award.tranches[0].state = state
        award.settle()
        states.append(award.state)
    assert states == ["completed", "committed"]


def test_a_request_needs_a_second_person_who_is_not_paid_and_is_decided_once() -> None:
    payee, asker, other = new_id(), new_id(), new_id()
    request = DisbursementRequest(
        new_id(), new_id(), new_id(), new_id(), payee, Decimal(1), "NGN", "requested", asker, NOW
    )
    with pytest.raises(SamePersonError):
        request.require_second_person(asker)
    with pytest.raises(IsPayeeError):
        request.require_second_person(payee)
    request.require_second_person(other)
    request.decide("approved", other, NOW, "As planned.")
    with pytest.raises(IllegalStateError):
        request.decide("refused", other, NOW, "No.")
    assert (request.status, request.decided_by) == ("approved", other)
