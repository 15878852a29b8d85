"""A naira's way: donated, promised, paid, proven; and every way in which a payment can go wrong."""

from typing import Any

from chassis.ids import new_id
from contracts.applications import ApplicationApproved, ApplicationRejected, AwardCancelled, InterviewCompleted
from contracts.ledger import (
    CommitmentRefused,
    CommitmentReleased,
    CommitmentReserved,
    DisbursementCompleted,
    DisbursementFailed,
    DisbursementReversed,
    DonationReceived,
)


async def test_a_naira_goes_from_donor_to_beneficiary_and_every_step_is_a_block(scenario):
    donation = await scenario.donate("1000000.00")
    assert donation["status"] == "completed"
    assert donation["blockchain_hash"]
    award = scenario.award("200000.00", "100000.00")
    await scenario.service.deliver(award)
    [reserved] = await scenario.service.announced(CommitmentReserved)
    assert (reserved.award_id, reserved.amount) == (award.award_id, "300000.00")
    await scenario.set_account()
    await scenario.service.deliver(scenario.approval(award))
    assert await scenario.blocks() == ["genesis", "program_create", "donation", "commitment", "disbursement:sent"]
    await scenario.settle()
    [completed] = await scenario.service.announced(DisbursementCompleted)
    assert completed.amount == "200000.00"
    assert (await scenario.blocks())[-1] == "disbursement:completed"
    balances = await scenario.balances()
    assert balances[f"program:{scenario.program_id}:available"] == "700000.00"
    assert balances[f"program:{scenario.program_id}:committed:{award.award_id}"] == "100000.00"
    assert balances["bank:clearing"] == "0.00"
    [link] = await scenario.fetch("SELECT * FROM transaction_links")
    assert (str(link["from_transaction"]), str(link["amount"])) == (donation["id"], "200000.00")
    async with scenario.service.client(scenario.applicant) as client:
        mine = (await client.get("/api/v1/transactions/", params={"application_id": str(award.application_id)})).json()
        paid = [item for item in mine["items"] if item["transaction_type"] == "disbursement"]
        assert paid[0]["recipient"] == {"name": "Amina B", "account_masked": "******0001"}
        assert paid[0]["status"] == "completed"
        verdict = (await client.get(f"/api/v1/blockchain/verify/{paid[0]['blockchain_hash']}/")).json()
        assert verdict["valid"] is True
    assert not await scenario.fetch("SELECT * FROM parked_events")


async def test_a_donation_is_pending_until_the_rail_confirms_and_has_no_block_before(scenario):
    body = {"program_id": str(scenario.program_id), "amount": "5000.00", "currency": "NGN"}
    donor = new_id()
    async with scenario.service.client(donor) as client:
        answer = await client.post(
            "/api/v1/transactions/donations/", json=body, headers={"Idempotency-Key": "donation-1"}
        )
        pending = answer.json()
        assert (pending["status"], pending["blockchain_hash"]) == ("pending", None)
        assert pending["payment"]["rail"] == "sandbox"
        await scenario.service.tick("credit_donations")
        assert "donation" not in await scenario.blocks(), "the sandbox takes half a second"
        await scenario.fetch("UPDATE payments SET due_at = now()")
        await scenario.service.tick("credit_donations")
        done = (await client.get(f"/api/v1/transactions/{pending['id']}/")).json()
    assert done["status"] == "completed"
    [received] = await scenario.service.announced(DonationReceived)
    assert (str(received.transaction_id), received.user_id) == (pending["id"], donor)
    row = await scenario.fetch("SELECT data FROM blocks WHERE transaction_type = 'donation'")
    assert str(donor) not in row[0]["data"], "blocks carry the ledger's own ids"


async def test_money_that_was_not_received_cannot_be_promised(scenario):
    await scenario.donate("100.00")
    award = scenario.award("100.01")
    await scenario.service.deliver(award)
    [refused] = await scenario.service.announced(CommitmentRefused)
    assert (refused.award_id, refused.code) == (award.award_id, "insufficient_funds")
    assert "commitment" not in await scenario.blocks()


async def test_tranches_that_do_not_sum_to_the_award_are_refused(scenario):
    await scenario.donate("100.00")
    award = scenario.award("10.00", "20.00").model_copy(update={"amount": "31.00"})
    await scenario.service.deliver(award)
    [refused] = await scenario.service.announced(CommitmentRefused)
    assert refused.code == "tranches_do_not_sum"


async def test_an_earmarked_lot_pays_for_its_purpose_only_and_first(scenario):
    application_id = new_id()
    general = await scenario.donate("100.00")
    earmarked = await scenario.donate("50.00", earmark=str(application_id))
    stranger = scenario.award("101.00")
    await scenario.service.deliver(stranger)
    [refused] = await scenario.service.announced(CommitmentRefused)
    assert refused.code == "insufficient_funds", "the earmarked 50 are not for this one"
    award = scenario.award("80.00", application_id=application_id)
    await scenario.service.deliver(award)
    shares = await scenario.fetch("SELECT donation_id, amount FROM award_lots")
    assert {str(row["donation_id"]): str(row["amount"]) for row in shares} == {
        earmarked["id"]: "50.00",
        general["id"]: "30.00",
    }


async def test_the_bank_refuses_and_the_money_returns_to_the_commitment_and_its_lots(scenario):
    await scenario.donate("100.00")
    award = scenario.award("60.00")
    await scenario.service.deliver(award)
    await scenario.set_account("0000000003")
    await scenario.service.deliver(scenario.approval(award))
    await scenario.settle()
    [failed] = await scenario.service.announced(DisbursementFailed)
    assert failed.code == "account_refused"
    assert (await scenario.blocks())[-1] == "disbursement:failed"
    balances = await scenario.balances()
    assert balances[f"program:{scenario.program_id}:committed:{award.award_id}"] == "60.00"
    assert [str(row["paid"]) for row in await scenario.fetch("SELECT paid FROM award_lots")] == ["0.00"]
    await scenario.set_account("0000000001")
    await scenario.service.deliver(scenario.approval(award))
    await scenario.settle()
    assert len(await scenario.service.announced(DisbursementCompleted)) == 1


async def test_a_bank_that_times_out_after_accepting_is_asked_and_never_paid_twice(scenario):
    await scenario.donate("100.00")
    award = scenario.award("60.00")
    await scenario.service.deliver(award)
    await scenario.set_account("0000000004")
    await scenario.service.deliver(scenario.approval(award))
    await scenario.service.tick("settle_payments")
    states = "SELECT status FROM transactions WHERE transaction_type = 'disbursement'"
    assert [row["status"] for row in await scenario.fetch(states)] == ["unknown"]
    await scenario.settle()
    assert [row["status"] for row in await scenario.fetch(states)] == ["completed"]
    assert len(await scenario.fetch("SELECT * FROM sandbox_transfers")) == 1


async def test_a_slow_bank_is_waited_for(scenario):
    await scenario.donate("100.00")
    award = scenario.award("60.00")
    await scenario.service.deliver(award)
    await scenario.set_account("0000000002")
    await scenario.service.deliver(scenario.approval(award))
    await scenario.settle()
    assert (await scenario.blocks())[-1] == "disbursement:sent"
    await scenario.later(6)
    await scenario.settle()
    assert (await scenario.blocks())[-1] == "disbursement:completed"


async def test_money_that_the_bank_returns_is_a_reversal_and_the_tranche_can_be_paid_again(scenario):
    await scenario.donate("100.00")
    award = scenario.award("60.00")
    await scenario.service.deliver(award)
    await scenario.set_account("0000000005")
    await scenario.service.deliver(scenario.approval(award))
    await scenario.settle()
    assert len(await scenario.service.announced(DisbursementCompleted)) == 1
    await scenario.later(3)
    await scenario.settle()
    [reversed_fact] = await scenario.service.announced(DisbursementReversed)
    assert reversed_fact.code == "returned_by_bank"
    assert (await scenario.blocks())[-1] == "reversal"
    received = await scenario.fetch("SELECT amount_received FROM beneficiaries")
    assert str(received[0]["amount_received"]) == "0.00"
    await scenario.set_account("0000000001")
    await scenario.service.deliver(scenario.approval(award))
    await scenario.settle()
    assert len(await scenario.service.announced(DisbursementCompleted)) == 2


async def test_a_payment_the_rail_never_received_fails_after_the_grace_and_is_not_sent_again(scenario):
    """The worker died between `submitted` and the call: the rail does not know the reference."""
    await scenario.donate("100.00")
    award = scenario.award("60.00")
    await scenario.service.deliver(award)
    await scenario.set_account()
    await scenario.service.deliver(scenario.approval(award))
    await scenario.fetch("UPDATE transactions SET status = 'submitted' WHERE transaction_type = 'disbursement'")
    await scenario.fetch("UPDATE payments SET called_at = now() WHERE direction = 'out'")
    await scenario.settle()
    assert (await scenario.blocks())[-1] == "disbursement:sent"
    await scenario.later(61)
    await scenario.settle()
    [failed] = await scenario.service.announced(DisbursementFailed)
    assert failed.code == "not_received_by_rail"
    assert not await scenario.fetch("SELECT * FROM sandbox_transfers")


async def test_a_bank_that_paid_another_amount_is_a_dispute_and_moves_no_books(scenario):
    await scenario.donate("100.00")
    award = scenario.award("60.00")
    await scenario.service.deliver(award)
    await scenario.set_account("0000000002")
    await scenario.service.deliver(scenario.approval(award))
    await scenario.settle()
    await scenario.fetch("UPDATE sandbox_transfers SET amount = 61")
    await scenario.later(6)
    await scenario.settle()
    states = await scenario.fetch("SELECT status FROM transactions WHERE transaction_type = 'disbursement'")
    assert [row["status"] for row in states] == ["disputed"]
    assert (await scenario.blocks())[-1] == "disbursement:sent"


async def test_cancelling_an_award_gives_back_what_is_unpaid(scenario):
    await scenario.donate("100.00")
    award = scenario.award("60.00", "20.00")
    await scenario.service.deliver(award)
    await scenario.set_account()
    await scenario.service.deliver(scenario.approval(award))
    await scenario.settle()
    cancelled = AwardCancelled(
        application_id=award.application_id, program_id=award.program_id, user_id=award.user_id, status="approved",
        award_id=award.award_id, cancelled_by=new_id(), amount="20.00", currency="NGN",
    )  # fmt: skip
    await scenario.service.deliver(cancelled)
    [released] = await scenario.service.announced(CommitmentReleased)
    assert released.amount == "20.00"
    assert (await scenario.balances())[f"program:{scenario.program_id}:available"] == "40.00"
    assert (await scenario.blocks())[-1] == "decommitment"
    await scenario.service.deliver(scenario.award("40.00"))
    assert len(await scenario.service.announced(CommitmentReserved)) == 2


async def test_decisions_and_interviews_become_blocks_that_name_no_user(scenario):
    person = {"application_id": new_id(), "program_id": scenario.program_id, "user_id": scenario.applicant}
    decided: dict[str, Any] = {
        "decision_id": new_id(), "decider_id": new_id(), "submission_sha256": "a" * 64, "reviews": 2
    }  # fmt: skip
    await scenario.service.deliver(
        InterviewCompleted(
            **person, status="ai_interview_completed", interview_id=new_id(), transcript_sha256="b" * 64,
            messages=10, model="rules", prompt_version="1",
        )
    )  # fmt: skip
    await scenario.service.deliver(
        ApplicationApproved(
            **person,
            **decided,
            status="approved",
            award_id=new_id(),
            final_score="76.00",
            amount="1.00",
            currency="NGN",
        )
    )
    await scenario.service.deliver(ApplicationRejected(**person, **decided, status="rejected", final_score="7.50"))
    rows = await scenario.fetch("SELECT data FROM blocks WHERE block_index > 1 ORDER BY block_index")
    assert '"outcome": "approved"' in rows[1]["data"]
    assert '"final_score": "7.50"' in rows[2]["data"]
    for row in rows:
        assert str(scenario.applicant) not in row["data"]
        assert str(decided["decider_id"]) not in row["data"]


async def test_a_fact_that_a_block_cannot_hold_is_an_exception_block_not_silence(scenario):
    await scenario.service.deliver(
        InterviewCompleted(
            application_id=new_id(), program_id=scenario.program_id, user_id=scenario.applicant,
            status="ai_interview_completed", interview_id=new_id(), transcript_sha256="b" * 64, messages=10,
            model="a model with spaces", prompt_version="1",
        )
    )  # fmt: skip
    assert (await scenario.blocks())[-1] == "exception"
    assert not await scenario.fetch("SELECT * FROM parked_events")
