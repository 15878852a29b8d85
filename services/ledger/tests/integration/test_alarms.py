"""What could not be booked as asked is in the chain or refused by an event, and an alarm says so either way."""

from typing import Any

from prometheus_client import REGISTRY
from services.ledger.tests.integration.test_batches import handle

from chassis.ids import new_id
from contracts.applications import AwardCancelled, DisbursementApproved, InterviewCompleted
from contracts.programs import ProgramCreated

EXCEPTIONS = "impactnet_ledger_exceptions_total"
REFUSED = "impactnet_ledger_refused_commitments_total"


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_every_exception_block_raises_an_alarm_with_its_reason(scenario):
    await scenario.donate("100.00")
    award = scenario.award("60.00")
    await scenario.service.deliver(award)
    never = scenario.award("1.00")
    interview = scenario.interview(model="no word of a block")
    facts: list[tuple[Any, str]] = [
        (ProgramCreated(program_id=new_id(), currency="USD"), "currency_unsupported"),
        (ProgramCreated(program_id=scenario.program_id, currency="NGN"), "program_exists"),
        (scenario.cancellation(never), "award_unknown"),
        (scenario.approval(award, approved_by=scenario.admin), "same_person"),
        (scenario.approval(award, tranche_id=new_id()), "tranche_unknown"),
        (scenario.approval(award, amount="0.00"), "amount_invalid"),
        (scenario.approval(award, user_id=new_id()), "award_differs"),
        (interview, "bad_shape"),
    ]
    kinds = {ProgramCreated, AwardCancelled, DisbursementApproved, InterviewCompleted}
    assert {type(fact) for fact, _ in facts} == kinds
    for fact, code in facts:
        before = counted(EXCEPTIONS, type=fact.TYPE, code=code)
        await scenario.service.deliver(fact)
        assert (await scenario.blocks())[-1] == "exception", code
        assert counted(EXCEPTIONS, type=fact.TYPE, code=code) == before + 1, code
    codes = await scenario.fetch(
        "SELECT data->>'code' AS code FROM blocks WHERE transaction_type = 'exception' ORDER BY block_index"
    )
    assert [row["code"] for row in codes] == [code for _, code in facts]


async def test_an_award_without_money_is_refused_by_an_event_and_an_alarm(scenario):
    before = counted(REFUSED, code="insufficient_funds")
    await scenario.service.deliver(scenario.award("60.00"))
    assert "commitment" not in await scenario.blocks()
    assert counted(REFUSED, code="insufficient_funds") == before + 1


async def test_a_batch_that_stumbles_and_is_handled_again_raises_each_alarm_once(scenario):
    known = ProgramCreated(program_id=scenario.program_id, currency="NGN")
    unknown_program = scenario.award("1.00").model_copy(update={"program_id": new_id()})
    before = counted(EXCEPTIONS, type=known.TYPE, code="program_exists"), counted(REFUSED, code="insufficient_funds")
    # The last one waits for its programme: what the batch had booked before it is rolled back and booked anew.
    await handle(scenario, known, scenario.award("60.00"), unknown_program)
    assert (await scenario.blocks()).count("exception") == 1
    after = counted(EXCEPTIONS, type=known.TYPE, code="program_exists"), counted(REFUSED, code="insufficient_funds")
    assert after == (before[0] + 1, before[1] + 1)


async def test_an_event_that_had_waited_raises_its_alarm_too(scenario):
    award = scenario.award("60.00").model_copy(update={"program_id": new_id()})
    before = counted(REFUSED, code="insufficient_funds")
    await scenario.service.deliver(award)
    assert counted(REFUSED, code="insufficient_funds") == before
    await scenario.service.deliver(ProgramCreated(program_id=award.program_id, currency="NGN"))
    await scenario.fetch("UPDATE parked_events SET due_at = now()")
    assert await scenario.service.retry_parked() == 1
    assert counted(REFUSED, code="insufficient_funds") == before + 1
