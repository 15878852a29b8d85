"""Books what two people have found out about a disputed payment: exactly once, and only what is not booked yet."""

from dataclasses import replace
from typing import assert_never
from uuid import UUID

import structlog

from chassis.ids import new_id
from ledger.domain import drafts
from ledger.domain.disputes import Dispute, Outcome, Step, final_status, steps
from ledger.domain.lots import allocate
from ledger.domain.records import Disbursement, Donation, Refund
from ledger.domain.refusals import InsufficientFundsError
from ledger.domain.transactions import Status
from ledger.use_cases import apply_payment_answer, settle_refund
from ledger.use_cases.credit_donation import credit
from ledger.use_cases.find_payment import Payment, find_payment_locked, kind_of
from ledger.use_cases.ports import Books
from ledger.use_cases.return_donation import objection_to_return, return_donation

log = structlog.get_logger(__name__)

# The money that left a second time is not there: the people have to look again.
CORRECTION_IMPOSSIBLE = "correction_impossible"


async def close_next_dispute(books: Books) -> bool:
    """Takes one approved resolution into the books; False when there is none."""
    transaction_id = await books.payments.disputes.next_approved()
    if transaction_id is None:
        return False
    payment = await find_payment_locked(books, transaction_id)
    dispute = await books.payments.disputes.find_open(transaction_id)
    if payment is None or dispute is None or dispute.outcome is None or dispute.approved_by is None:
        return True  # closed by another worker meanwhile
    if isinstance(payment, Donation):  # its refund is locked before the chain, as by whoever takes it through the rail
        await books.refunds.find_live(payment.transaction_id)
    await books.chain.hold()
    taken = steps(kind_of(payment), dispute.status_before, dispute.outcome)
    if taken is None or not await _can_book(books, payment, taken):
        log.warning("dispute_not_bookable", transaction_id=str(transaction_id), outcome=dispute.outcome)
        # The transaction keeps its code: a second debit is one still.
        await books.payments.disputes.close(dispute, dispute.transaction_code, None)
        await books.payments.disputes.open(replace(payment, status=dispute.status_before), CORRECTION_IMPOSSIBLE, None)
        return True
    correction_id = await _book(books, payment, dispute, taken)
    ending = final_status(dispute.status_before, dispute.outcome, taken)
    code = None if ending is Status.COMPLETED else dispute.code
    await books.payments.disputes.close(dispute, "corrected" if Step.CORRECT in taken else code, correction_id)
    await books.payments.schedule(transaction_id, None)
    log.info("dispute_closed", transaction_id=str(transaction_id), outcome=dispute.outcome, code=dispute.code)
    return True


async def _book(books: Books, payment: Payment, dispute: Dispute, taken: tuple[Step, ...]) -> UUID | None:
    """The steps, and the state; the id of the correction if there was one."""
    if isinstance(payment, Donation):
        return await _book_donation(books, payment, dispute, taken)
    correction_id: UUID | None = None
    moved = payment
    for step in taken:
        match step:
            case Step.COMPLETE:
                await _complete(books, moved)
                moved = replace(moved, status=Status.COMPLETED)
            case Step.FAIL:
                await _fail(books, moved, dispute.code)
                moved = replace(moved, status=Status.FAILED)
            case Step.REVERSE:
                if isinstance(moved, Disbursement):
                    await apply_payment_answer.book_reversed(books, moved, dispute.code)
                    moved = replace(moved, status=Status.REVERSED)
            case Step.CORRECT:
                # First the state: a tranche has one live payment, which is the correction from here on.
                await books.transactions.move(payment.transaction_id, Status.DISPUTED, Status.FAILED)
                moved = replace(moved, status=Status.FAILED)
                correction_id = await _correct(books, payment)
            case Step.CREDIT | Step.RETURN:
                raise TypeError(f"{step} is of donations")
            case _:
                assert_never(step)
    if moved.status is Status.DISPUTED:
        following = final_status(dispute.status_before, dispute.outcome or Outcome.FAILED, taken)
        await books.transactions.move(payment.transaction_id, Status.DISPUTED, following)
    return correction_id


async def _book_donation(books: Books, donation: Donation, dispute: Dispute, taken: tuple[Step, ...]) -> UUID | None:
    if Step.CREDIT in taken:
        await credit(books, donation)
        return None
    return_id = await return_donation(books, donation, dispute) if Step.RETURN in taken else None
    following = final_status(dispute.status_before, dispute.outcome or Outcome.FAILED, taken)
    await books.transactions.move(donation.transaction_id, Status.DISPUTED, following)
    return return_id


async def _complete(books: Books, payment: Payment) -> None:
    if isinstance(payment, Disbursement):
        await apply_payment_answer.book_completed(books, payment)
    elif isinstance(payment, Refund):
        await settle_refund.book_completed(books, payment)


async def _fail(books: Books, payment: Payment, code: str) -> None:
    if isinstance(payment, Disbursement):
        await apply_payment_answer.book_failed(books, payment, code)
    elif isinstance(payment, Refund):
        await settle_refund.book_failed(books, payment, code)


async def _can_book(books: Books, payment: Payment, taken: tuple[Step, ...]) -> bool:
    if Step.RETURN in taken and isinstance(payment, Donation):
        return await objection_to_return(books, payment) is None
    return Step.CORRECT not in taken or await _can_correct(books, payment)


async def _can_correct(books: Books, payment: Payment) -> bool:
    if isinstance(payment, Refund):
        return await books.lots.left_of(payment.donation_id) >= payment.amount
    if not isinstance(payment, Disbursement):
        return False
    if await books.payments.has_other_live(payment.tranche_id, payment.transaction_id):
        return False
    award = await books.awards.find_locked(payment.award.award_id)
    return award is not None and award.unpaid >= payment.amount


async def _correct(books: Books, payment: Payment) -> UUID:
    """Takes the money out again under a new transaction, `sent` and `completed` at once.

    Raises:
        InsufficientFundsError: not reached, for it was looked at under the same lock.
    """
    correction_id = new_id()
    if isinstance(payment, Disbursement):
        award_id = payment.award.award_id
        lots = allocate(await books.lots.of_award_locked(award_id, payment.amount), payment.amount)
        await books.payments.add_correction(payment, correction_id)
        moved = replace(payment, transaction_id=correction_id)
        _, block = await books.chain.append(
            drafts.disbursement(moved.booking, "sent"), drafts.disbursement(moved.booking, "completed")
        )
        await books.lots.pay(award_id, correction_id, lots)
        await books.awards.change(award_id, paid=payment.amount)
        await books.people.received(payment.award.beneficiary_id, payment.amount)
        books.announce.disbursement_completed(moved)
    elif isinstance(payment, Refund):
        await books.payments.add_correction(payment, correction_id)
        returned = replace(payment, transaction_id=correction_id)
        _, block = await books.chain.append(
            drafts.refund(returned.booking, "sent"), drafts.refund(returned.booking, "completed")
        )
        await books.lots.refund(payment.donation_id, correction_id, payment.amount)
        books.announce.refund_completed(returned)
    else:
        raise InsufficientFundsError
    await books.transactions.book(correction_id, block)
    return correction_id
