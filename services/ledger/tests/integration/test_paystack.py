"""Paying by Paystack, against a server that times out after accepting, answers twice, lies, and changes its mind."""

from collections.abc import AsyncIterator

import pytest
from services.ledger.tests.paystack_scenario import Paying, paying_by_paystack

from chassis.testing.harness import running_service
from contracts.ledger import DisbursementCompleted, DisbursementFailed, DisbursementReversed
from ledger.bootstrap import SERVICE


@pytest.fixture
async def paying(urls: dict[str, str]) -> AsyncIterator[Paying]:
    async with paying_by_paystack(urls) as made:
        yield made


async def test_a_payment_is_made_exactly_once_in_kobo_under_our_own_reference(paying):
    await paying.approved("60.55")
    await paying.ask_again(3)
    [transfer] = paying.paystack.transfers.values()
    payment = await paying.payment()
    assert (transfer["amount"], transfer["reference"]) == (6055, payment["reference"])
    assert payment["status"] == "completed"
    assert paying.paystack.count("POST /transfer") == 1
    assert len(await paying.scenario.service.announced(DisbursementCompleted)) == 1


@pytest.mark.parametrize("fault", ["hang_after", "error_after", "garbage_after"])
async def test_a_rail_that_accepted_and_did_not_say_so_is_asked_and_not_paid_twice(paying, fault):
    await paying.approved()
    paying.paystack.fail_next("POST /transfer", fault)
    await paying.step()
    assert (await paying.payment())["status"] == "unknown"
    await paying.ask_again()
    assert (await paying.payment())["status"] == "completed"
    assert paying.paystack.count("POST /transfer") == len(paying.paystack.transfers) == 1


@pytest.mark.parametrize("fault", ["hang_before", "error_before", "garbage_before"])
async def test_a_rail_that_never_accepted_fails_only_after_an_hour_and_is_not_sent_again(paying, fault):
    award = await paying.approved()
    paying.paystack.fail_next("POST /transfer", fault)
    await paying.ask_again(8)
    assert (await paying.payment())["status"] == "unknown", "it may still be on its way"
    await paying.scenario.later(3601)
    await paying.ask_again()
    [failed] = await paying.scenario.service.announced(DisbursementFailed)
    assert failed.code == "not_received_by_rail"
    assert paying.paystack.count("POST /transfer") == 1
    committed = f"program:{paying.scenario.program_id}:committed:{award.award_id}"
    assert (await paying.scenario.balances())[committed] == "60.00"


async def test_a_clock_that_jumps_does_not_make_a_payment_lost(paying):
    await paying.approved()
    paying.paystack.fail_next("POST /transfer", "error_before")
    await paying.scenario.service.tick("settle_payments")
    await paying.scenario.fetch("UPDATE payments SET called_at = called_at - interval '5 hours'")
    await paying.ask_again()
    assert (await paying.payment())["status"] == "unknown", "asked once, however late the clock says it is"


async def test_a_transfer_that_arrives_after_it_was_given_up_is_a_dispute(paying):
    await paying.approved()
    paying.paystack.fail_next("POST /transfer", "error_before")
    await paying.ask_again()
    await paying.scenario.later(3601)
    await paying.ask_again()
    payment = await paying.payment()
    assert payment["status"] == "failed"
    late = {"reference": payment["reference"], "amount": 6000, "currency": "NGN", "status": "success"}
    paying.paystack.transfers[payment["reference"]] = late
    await paying.webhook(*paying.paystack.transfer_webhook("transfer.success", payment["reference"]))
    disputed = await paying.payment()
    assert (disputed["status"], disputed["code"]) == ("disputed", "paid_after_failure")


async def test_money_that_left_although_the_tranche_was_paid_again_is_a_second_debit(paying):
    award = await paying.approved()
    paying.paystack.new_transfer_status = "failed"
    await paying.ask_again()
    first = await paying.payment()
    assert first["status"] == "failed"
    paying.paystack.new_transfer_status = "success"
    await paying.scenario.service.deliver(paying.scenario.approval(award))
    await paying.ask_again()
    paying.paystack.settle(first["reference"], "success")
    await paying.webhook(*paying.paystack.transfer_webhook("transfer.success", first["reference"]))
    rows = await paying.scenario.fetch(
        "SELECT status, code FROM transactions WHERE transaction_type = 'disbursement' ORDER BY id"
    )
    assert [(row["status"], row["code"]) for row in rows] == [("disputed", "second_debit"), ("completed", None)]


async def test_a_reference_that_is_used_already_is_asked_about(paying):
    """Answers twice: another worker, or a repeated packet, was faster."""
    await paying.approved()
    reference = (await paying.payment())["reference"]
    known = {"reference": reference, "amount": 6000, "currency": "NGN", "status": "success"}
    paying.paystack.transfers[reference] = known
    await paying.scenario.service.tick("settle_payments")
    assert (await paying.payment())["status"] == "unknown"
    await paying.ask_again()
    assert (await paying.payment())["status"] == "completed"


@pytest.mark.parametrize("code", ["insufficient_balance", "invalid_transfer_recipient"])
async def test_a_clear_refusal_fails_at_once(paying, code):
    await paying.approved()
    paying.paystack.refuse("POST /transfer", 400, code, "The request was not fulfilled")
    await paying.scenario.service.tick("settle_payments")
    payment = await paying.payment()
    assert (payment["status"], payment["code"]) == ("failed", code)
    assert (await paying.scenario.blocks())[-1] == "disbursement:failed"


@pytest.mark.parametrize(
    ("status", "code"), [(400, "duplicate_transfer_reference"), (400, None), (404, None), (429, None), (422, "odd")]
)
async def test_a_refusal_that_says_nothing_certain_is_asked_about(paying, status, code):
    await paying.approved()
    paying.paystack.refuse("POST /transfer", status, code, "Please provide a unique reference")
    await paying.scenario.service.tick("settle_payments")
    assert (await paying.payment())["status"] == "unknown"


async def test_an_account_that_paystack_does_not_know_is_never_paid(paying):
    await paying.approved()
    paying.paystack.refuse("POST /transferrecipient", 400, "invalid_bank_code", "Account number is invalid")
    await paying.scenario.service.tick("settle_payments")
    payment = await paying.payment()
    assert (payment["status"], payment["code"]) == ("failed", "account_refused")
    assert paying.paystack.count("POST /transfer") == 0


async def test_a_recipient_that_cannot_be_made_now_is_made_later_for_nothing_has_moved(paying):
    await paying.approved()
    paying.paystack.fail_next("POST /transferrecipient", "hang_after", "error_before", "garbage_before", "unauthorized")
    for _ in range(4):
        await paying.step()
        assert (await paying.payment())["status"] == "pending"
    await paying.ask_again()
    assert (await paying.payment())["status"] == "completed"
    assert len(paying.paystack.recipients) == len(paying.paystack.transfers) == 1


async def test_another_amount_at_the_rail_is_a_dispute_and_moves_no_books(paying):
    await paying.approved()
    paying.paystack.new_transfer_status = "pending"
    await paying.ask_again()
    reference = (await paying.payment())["reference"]
    paying.paystack.settle(reference, "success", amount=600)
    await paying.ask_again()
    payment = await paying.payment()
    assert (payment["status"], payment["code"]) == ("disputed", "amount_differs")
    assert (await paying.scenario.blocks())[-1] == "disbursement:sent"


async def test_an_answer_about_another_transfer_counts_as_none(paying):
    await paying.approved()
    paying.paystack.new_transfer_status = "pending"
    await paying.ask_again()
    reference = (await paying.payment())["reference"]
    paying.paystack.settle(reference, "success", reference="impact-of-somebody-else")
    await paying.ask_again()
    assert (await paying.payment())["status"] == "unknown"


async def test_a_transfer_that_waits_for_a_code_waits_and_one_that_was_abandoned_failed(paying):
    await paying.approved()
    paying.paystack.new_transfer_status = "otp"
    await paying.ask_again(2)
    payment = await paying.payment()
    assert payment["status"] == "submitted"
    paying.paystack.settle(payment["reference"], "abandoned")
    await paying.ask_again()
    payment = await paying.payment()
    assert (payment["status"], payment["code"]) == ("failed", "paystack_abandoned")


async def test_money_that_comes_back_later_is_a_reversal(paying):
    await paying.approved()
    await paying.ask_again()
    payment = await paying.payment()
    paying.paystack.settle(payment["reference"], "reversed")
    await paying.webhook(*paying.paystack.transfer_webhook("transfer.reversed", payment["reference"]))
    assert (await paying.payment())["status"] == "reversed"
    assert len(await paying.scenario.service.announced(DisbursementReversed)) == 1
    assert (await paying.scenario.blocks())[-1] == "reversal"
    assert (await paying.scenario.verifier.verify()).ok


async def test_a_return_is_found_by_asking_even_when_no_webhook_comes(paying):
    await paying.approved()
    await paying.ask_again()
    payment = await paying.payment()
    assert payment["due_at"] is not None
    paying.paystack.settle(payment["reference"], "reversed")
    await paying.ask_again()
    assert (await paying.payment())["status"] == "reversed"


async def test_webhooks_out_of_order_and_old_ones_move_no_state_back(paying):
    await paying.approved()
    paying.paystack.new_transfer_status = "pending"
    await paying.ask_again()
    reference = (await paying.payment())["reference"]
    await paying.webhook(*paying.paystack.transfer_webhook("transfer.reversed", reference))
    assert (await paying.payment())["status"] == "submitted", "the rail says that it is on its way"
    paying.paystack.settle(reference, "success")
    await paying.webhook(*paying.paystack.transfer_webhook("transfer.failed", reference))
    assert (await paying.payment())["status"] == "completed"
    paying.paystack.settle(reference, "reversed")
    await paying.webhook(*paying.paystack.transfer_webhook("transfer.success", reference, late=True))
    assert (await paying.payment())["status"] == "reversed"
    await paying.webhook(*paying.paystack.transfer_webhook("transfer.success", reference, later=True))
    assert (await paying.payment())["status"] == "reversed"
    assert (await paying.scenario.blocks()).count("reversal") == 1


async def test_a_payment_on_a_rail_that_is_not_set_up_waits_for_it(paying, urls):
    await paying.approved()
    async with running_service(SERVICE, urls) as without:
        await without.tick("settle_payments")
    payment = await paying.payment()
    assert payment["status"] == "pending"
    await paying.ask_again()
    assert (await paying.payment())["status"] == "completed"
