"""Approvals on which nothing is paid: by whom they must not be, of what is not so, or with nowhere to pay to."""

import pytest

from chassis.ids import new_id
from contracts.ledger import DisbursementCompleted, DisbursementFailed


async def test_a_payee_without_an_account_is_not_paid_and_the_tranche_can_be_asked_for_again(scenario):
    await scenario.donate("100.00")
    award = scenario.award("60.00")
    await scenario.service.deliver(award)
    await scenario.service.deliver(scenario.approval(award))
    [failed] = await scenario.service.announced(DisbursementFailed)
    assert (failed.code, failed.transaction_id) == ("payee_account_missing", None)
    assert (await scenario.blocks())[-1] == "commitment"
    await scenario.set_account()
    await scenario.service.deliver(scenario.approval(award))
    await scenario.settle()
    assert len(await scenario.service.announced(DisbursementCompleted)) == 1


async def test_a_second_approval_of_a_paid_tranche_pays_nothing(scenario):
    await scenario.donate("100.00")
    award = scenario.award("60.00")
    await scenario.service.deliver(award)
    await scenario.set_account()
    await scenario.service.deliver(scenario.approval(award))
    await scenario.service.deliver(scenario.approval(award))
    await scenario.settle()
    assert len(await scenario.service.announced(DisbursementCompleted)) == 1
    [failed] = await scenario.service.announced(DisbursementFailed)
    assert failed.code == "already_paid"
    assert "exception" in await scenario.blocks()


@pytest.mark.parametrize("changes", [{"approved_by": "requester"}, {"approved_by": "payee"}, {"requested_by": "payee"}])
async def test_an_approval_by_one_person_or_by_the_payee_is_an_exception_and_pays_nothing(scenario, changes):
    await scenario.donate("100.00")
    award = scenario.award("60.00")
    await scenario.service.deliver(award)
    await scenario.set_account()
    people = {"requester": scenario.admin, "payee": scenario.applicant}
    await scenario.service.deliver(
        scenario.approval(award, **{field: people[person] for field, person in changes.items()})
    )
    await scenario.settle()
    assert (await scenario.blocks())[-1] == "exception"
    assert not await scenario.service.announced(DisbursementCompleted)


@pytest.mark.parametrize("field", ["user_id", "application_id", "program_id"])
async def test_an_approval_about_somebody_elses_award_is_an_exception_and_pays_nobody(scenario, field):
    await scenario.donate("100.00")
    award = scenario.award("60.00", user_id=new_id())
    await scenario.service.deliver(award)
    await scenario.set_account()  # of the applicant, whose award it is not
    other = scenario.applicant if field == "user_id" else new_id()
    await scenario.service.deliver(scenario.approval(award, **{field: other}))
    await scenario.settle()
    assert (await scenario.blocks())[-1] == "exception"
    [failed] = await scenario.service.announced(DisbursementFailed)
    assert failed.code == "award_differs"
    assert not await scenario.service.announced(DisbursementCompleted)
