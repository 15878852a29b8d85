"""Books what a rail has said about a disbursement: its block, its state, its lots and its announcement, together."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from chassis.ids import new_id
from ledger.domain import drafts
from ledger.domain.lots import Allocation
from ledger.domain.payments import (
    PAID_AFTER_FAILURE,
    PAID_AFTER_REVERSAL,
    REVERSAL_WITHOUT_PAYMENT,
    SECOND_DEBIT,
    WATCH_PAUSE_MAX,
    RailAnswer,
    is_lost,
    outcome,
    pause_before_asking,
)
from ledger.domain.records import Award, Disbursement
from ledger.domain.transactions import RailStatus, Status, TransactionType, check_move
from ledger.use_cases.dispute_payment import dispute
from ledger.use_cases.payment_ports import Rail
from ledger.use_cases.ports import Books

# What says that money left of which the books say that it did not, or had come back.
_LEFT_AFTER_ALL: Final = frozenset({PAID_AFTER_FAILURE, PAID_AFTER_REVERSAL, REVERSAL_WITHOUT_PAYMENT})


async def apply_answer(books: Books, seen: Disbursement, answer: RailAnswer | None, rail: Rail) -> None:
    """Books what the rail said (None: nothing clear) about a payment, as it is by now."""
    payment = await books.transactions.find_disbursement_locked(seen.transaction_id)
    if payment is None or payment.called_at is None:
        return
    if answer is None:
        if payment.status is Status.SUBMITTED:
            await books.transactions.move(payment.transaction_id, Status.SUBMITTED, Status.UNKNOWN)
        return
    waited = books.now - payment.called_at
    if payment.status is Status.FAILED and await _is_of_correction(books, payment, answer):
        await _watch_on(books, payment, waited, rail)
        return
    lost = is_lost(waited, payment.asked, rail.lost_after)
    ruling = outcome(payment.status, answer, payment.amount, payment.currency, lost=lost)
    if ruling.status is payment.status:
        await _watch_on(books, payment, waited, rail)
        return
    check_move(payment.status, ruling.status)
    match ruling.status:
        case Status.COMPLETED:
            await book_completed(books, payment)
        case Status.FAILED:
            await book_failed(books, payment, ruling.code or "rail_refused")
        case Status.REVERSED:
            await book_reversed(books, payment, ruling.code or "returned_by_bank")
        case _:  # disputed: the books stay as they are until two people have looked
            await dispute(books, payment, await _code_of_dispute(books, payment, ruling.code), answer)
    is_watched = ruling.status in {Status.COMPLETED, Status.FAILED} and rail.watched_for > timedelta(0)
    due_at = books.now + pause_before_asking(0) if is_watched else None
    await books.payments.schedule(payment.transaction_id, due_at, asked=0)


async def _is_of_correction(books: Books, payment: Disbursement, answer: RailAnswer) -> bool:
    """Whether a rail says of a failed payment what the transaction in its place says; what comes back of it is booked.

    That the money had left two people have found out, and a return of what has left wants nobody to look at it.
    """
    found = await books.payments.disputes.correction_of(payment.transaction_id)
    if found is None:
        return False
    correction_id, status = found
    is_whole = (answer.amount, answer.currency) == (payment.amount, payment.currency)
    if (status, answer.status) == (Status.COMPLETED, RailStatus.REVERSED) and is_whole:
        returned = replace(payment, transaction_id=correction_id, status=status)
        await book_reversed(books, returned, answer.code or "returned_by_bank")
        return True
    return {Status.COMPLETED: RailStatus.PAID, Status.REVERSED: RailStatus.REVERSED}.get(status) is answer.status


async def _code_of_dispute(books: Books, payment: Disbursement, code: str | None) -> str:
    """Money that left after all is a second debit when the tranche was paid, or is being paid, by another payment.

    Also when it came back: a tranche has one payment beside those that were debited a second time.
    """
    if code in _LEFT_AFTER_ALL and await books.transactions.has_live_payment(payment.tranche_id):
        return SECOND_DEBIT
    return code or "disputed"


async def _watch_on(books: Books, payment: Disbursement, waited: timedelta, rail: Rail) -> None:
    """What is settled is asked about ever more rarely, and in the end not at all: returns, and calls that came late."""
    if payment.status in {Status.SUBMITTED, Status.UNKNOWN}:
        return
    watched_for = {
        Status.COMPLETED: rail.watched_for,
        Status.FAILED: rail.lost_after + rail.watched_for,
    }.get(payment.status, timedelta(0))
    pause = pause_before_asking(payment.asked - 1, WATCH_PAUSE_MAX)
    due_at = None if waited + pause > watched_for else books.now + pause
    await books.payments.schedule(payment.transaction_id, due_at)


async def book_completed(books: Books, payment: Disbursement) -> None:
    """Clearing -> beneficiary."""
    [block] = await books.chain.append(drafts.disbursement(payment.booking, "completed"))
    await books.transactions.move(payment.transaction_id, payment.status, Status.COMPLETED, block=block)
    await books.people.received(payment.award.beneficiary_id, payment.amount)
    books.announce.disbursement_completed(payment)


async def book_failed(books: Books, payment: Disbursement, code: str) -> None:
    """Clearing -> committed, to the same lots; on to the programme when the award was cancelled meanwhile."""
    [block] = await books.chain.append(drafts.disbursement(payment.booking, "failed"))
    await books.transactions.move(payment.transaction_id, payment.status, Status.FAILED, code=code, block=block)
    await _give_back(books, payment)
    books.announce.disbursement_failed(payment, code)


async def book_reversed(books: Books, payment: Disbursement, code: str) -> None:
    """Beneficiary -> committed, likewise."""
    reversal_id = await books.transactions.add_reversal(payment, code)
    [block] = await books.chain.append(drafts.reversal(payment.booking, code))
    await books.transactions.book(reversal_id, block)
    await books.transactions.move(payment.transaction_id, payment.status, Status.REVERSED, code=code)
    await books.people.received(payment.award.beneficiary_id, -payment.amount)
    await _give_back(books, payment)
    books.announce.disbursement_reversed(payment, code)


async def _give_back(books: Books, payment: Disbursement) -> None:
    award_id = payment.award.award_id
    await books.lots.give_back(award_id, payment.transaction_id)
    await books.awards.change(award_id, paid=-payment.amount)
    award = await books.awards.find_locked(award_id)
    # Only a cancellation releases; one that found nothing left to release is remembered on its own.
    if award is not None and (award.released > 0 or await books.payments.is_closed(award_id)):
        await _release(books, award)


async def _release(books: Books, award: Award) -> None:
    """Money that came back for an award that is over: nobody will pay it out, so the programme has it again."""
    amount, release_id = award.unpaid, new_id()
    left = [Allocation(lot.id, lot.remaining) for lot in await books.lots.of_award_locked(award.award_id)]
    [block] = await books.chain.append(drafts.decommitment(release_id, award.reference, amount, award.currency))
    await books.transactions.add_commitment(TransactionType.DECOMMITMENT, release_id, award, amount)
    await books.transactions.book(release_id, block)
    await books.lots.release(award.award_id, [each for each in left if each.amount > 0])
    await books.awards.change(award.award_id, released=amount)
    books.announce.commitment_released(award, release_id, amount)
