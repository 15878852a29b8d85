"""Takes approved refunds through the rail: the same care as for payments, back to the donor."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import structlog

from chassis.failpoints import failpoint
from ledger.domain import drafts
from ledger.domain.payments import (
    ASK_PAUSE_MAX,
    PAID_AFTER_FAILURE,
    SECOND_DEBIT,
    WATCH_PAUSE_MAX,
    RailAnswer,
    is_lost,
    outcome,
    pause_before_asking,
)
from ledger.domain.records import Refund
from ledger.domain.refusals import DonationDisputedError, InsufficientFundsError
from ledger.domain.transactions import RailStatus, Status, check_move
from ledger.use_cases.announce_donation import payment_reference
from ledger.use_cases.dispute_payment import dispute
from ledger.use_cases.payment_ports import Rail, RailUnsureError
from ledger.use_cases.ports import Books, BooksOpener
from ledger.use_cases.settle_payment import SEND_WITHIN_SECONDS

log = structlog.get_logger(__name__)

# What there was to give back is contradicted: whoever still wants to asks anew, once that is resolved.
REFUND_DISPUTED: Final = "refund_disputed"


@dataclass(frozen=True, slots=True)
class _Task:
    refund: Refund
    is_first: bool


async def settle_next_refund(
    open_books: BooksOpener, rails: Mapping[str, Rail], clock: Callable[[], float] = time.monotonic
) -> bool:
    """Takes one due refund a step further; False when none is due. See `settle_payment` for the commits."""
    since = clock()
    async with open_books() as books:
        due = await books.refunds.next_due()
        if due is None:
            return False
        task = await _begin(books, due, is_payable=due.rail in rails)
    if task is None:
        return True
    refund, rail = task.refund, rails[due.rail]
    failpoint("ledger.refund_submitted")
    answer: RailAnswer | None = None
    donation = payment_reference(refund.donation_id)
    try:
        if not task.is_first:
            answer = await rail.ask_refund(refund.reference, donation=donation)
        elif clock() - since <= SEND_WITHIN_SECONDS:
            answer = await rail.refund(refund.reference, refund.amount, refund.currency, donation=donation)
    except RailUnsureError as unsure:
        log.warning("refund_rail_unsure", rail=rail.name, transaction_id=str(refund.transaction_id), why=str(unsure))
    failpoint("ledger.refund_answered")
    async with open_books() as books:
        await _apply(books, refund, answer, rail)
    return True


async def _begin(books: Books, due: Refund, *, is_payable: bool) -> _Task | None:
    if not is_payable:
        log.error("payment_rail_missing", rail=due.rail, transaction_id=str(due.transaction_id))
        await books.payments.ask_again(due.transaction_id, books.now + ASK_PAUSE_MAX)
        return None
    if due.status is not Status.PENDING:
        await books.payments.ask_again(due.transaction_id, books.now + pause_before_asking(due.asked))
        return _Task(due, is_first=False)
    started = await _take_out(books, due)
    return None if started is None else _Task(started, is_first=True)


async def _take_out(books: Books, refund: Refund) -> Refund | None:
    """Available -> clearing, out of the donation's own lot; None when that has become impossible since the asking."""
    await books.chain.hold()  # from here on nobody else promises it
    code = await _objection(books, refund)
    if code is not None:
        await books.transactions.move(refund.transaction_id, Status.PENDING, Status.FAILED, code=code)
        await books.payments.schedule(refund.transaction_id, None)
        return None
    [block] = await books.chain.append(drafts.refund(refund.booking, "sent"))
    await books.transactions.move(refund.transaction_id, Status.PENDING, Status.SUBMITTED, block=block)
    await books.lots.refund(refund.donation_id, refund.transaction_id, refund.amount)
    await books.refunds.mark_approved(refund)
    await books.payments.mark_called(refund.transaction_id, books.now + pause_before_asking(0))
    return replace(refund, status=Status.SUBMITTED, called_at=books.now, asked=0)


async def _objection(books: Books, refund: Refund) -> str | None:
    if not await books.refunds.is_donation_completed(refund):
        return DonationDisputedError.CODE  # the donor's bank has taken it back, say
    if await books.refunds.has_disputed(refund.donation_id):
        return REFUND_DISPUTED  # the donor may have it back already
    if await books.lots.left_of(refund.donation_id) < refund.amount:
        return InsufficientFundsError.CODE
    return None


async def _apply(books: Books, seen: Refund, answer: RailAnswer | None, rail: Rail) -> None:
    refund = await books.refunds.find_locked(seen.transaction_id)
    if refund is None or refund.called_at is None:
        return
    if answer is None:
        if refund.status is Status.SUBMITTED:
            await books.transactions.move(refund.transaction_id, Status.SUBMITTED, Status.UNKNOWN)
        return
    waited = books.now - refund.called_at
    if refund.status is Status.FAILED and answer.status is RailStatus.PAID:
        correction = await books.payments.disputes.correction_of(refund.transaction_id)
        if correction is not None:  # that it left is in the books already
            await _watch_on(books, refund, waited, rail)
            return
    lost = is_lost(waited, refund.asked, rail.lost_after)
    ruling = outcome(refund.status, answer, refund.amount, refund.currency, lost=lost)
    if ruling.status is refund.status:
        await _watch_on(books, refund, waited, rail)
        return
    check_move(refund.status, ruling.status)
    match ruling.status:
        case Status.COMPLETED:
            await book_completed(books, refund)
        case Status.FAILED:
            await book_failed(books, refund, ruling.code or "rail_refused")
        case _:
            # A refund that came back to us is a person's to look at: the donor is owed it still.
            code = "returned_by_bank" if ruling.status is Status.REVERSED else ruling.code
            if code == PAID_AFTER_FAILURE and await books.refunds.has_successor(refund):
                code = SECOND_DEBIT
            await dispute(books, refund, code or "disputed", answer)
    is_watched = ruling.status is Status.FAILED and rail.watched_for > timedelta(0)
    due_at = books.now + pause_before_asking(0) if is_watched else None
    await books.payments.schedule(refund.transaction_id, due_at, asked=0)


async def _watch_on(books: Books, refund: Refund, waited: timedelta, rail: Rail) -> None:
    """A refund that failed is asked about for a while: the call could have arrived late."""
    if refund.status in {Status.SUBMITTED, Status.UNKNOWN}:
        return
    pause = pause_before_asking(refund.asked - 1, WATCH_PAUSE_MAX)
    goes_on = refund.status is Status.FAILED and waited + pause <= rail.lost_after + rail.watched_for
    await books.payments.schedule(refund.transaction_id, books.now + pause if goes_on else None)


async def book_completed(books: Books, refund: Refund) -> None:
    """Clearing -> donor."""
    [block] = await books.chain.append(drafts.refund(refund.booking, "completed"))
    await books.transactions.move(refund.transaction_id, refund.status, Status.COMPLETED, block=block)
    books.announce.refund_completed(refund)


async def book_failed(books: Books, refund: Refund, code: str) -> None:
    """Clearing -> available, to the donation's own lot."""
    [block] = await books.chain.append(drafts.refund(refund.booking, "failed"))
    await books.transactions.move(refund.transaction_id, refund.status, Status.FAILED, code=code, block=block)
    await books.lots.take_back_refund(refund.donation_id, refund.transaction_id, refund.amount)
