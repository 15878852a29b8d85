"""Calls the rail for what is due and books what it says; what is unknown is asked about, never sent again."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import structlog

from chassis.failpoints import failpoint
from ledger.domain.payments import ASK_PAUSE_MAX, RailAnswer, pause_before_asking
from ledger.domain.records import Disbursement
from ledger.domain.transactions import Status
from ledger.use_cases.apply_payment_answer import apply_answer, book_failed
from ledger.use_cases.payment_ports import PayeeRefusedError, Rail, RailUnsureError
from ledger.use_cases.ports import BooksOpener

log = structlog.get_logger(__name__)

# Its award was cancelled after the approval and before the call: what has not left yet stays.
AWARD_CANCELLED: Final = "award_cancelled"
# A worker that was frozen between saying `submitted` and calling does not call any more: others have asked meanwhile,
# and may have found that the rail does not know the reference. Far less than any rail's `lost_after`.
SEND_WITHIN_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class _Task:
    """A due payment; `destination` is set when it is to be sent rather than asked about."""

    payment: Disbursement
    destination: str | None = None


async def settle_next_payment(
    open_books: BooksOpener, rails: Mapping[str, Rail], clock: Callable[[], float] = time.monotonic
) -> bool:
    """Takes one due payment a step further; False when none is due.

    A crash between any two lines is safe: `submitted` is committed before the call; the call holds no transaction;
    then comes what the rail said. A worker that dies after `submitted` leaves a payment that is asked about.
    `clock`: seconds that never jump, unlike the clock on the wall.
    """
    due = await _take(open_books)
    if due is None:
        return False
    if due.status is Status.PENDING and await _is_given_up(open_books, due):
        return True
    rail = rails.get(due.rail)
    if rail is None:
        log.error("payment_rail_missing", rail=due.rail, transaction_id=str(due.transaction_id))
        async with open_books() as books:
            await books.payments.ask_again(due.transaction_id, books.now + ASK_PAUSE_MAX)
        return True
    since = clock()
    task: _Task | None = _Task(due)
    if due.status is Status.PENDING:
        task = await _prepare(open_books, due, rail)
        since = clock()
        if task is not None:
            task = await _submit(open_books, task)
            # Whether somebody cancelled while the rail prepared; else another worker was faster, and nothing is done.
            if task is None:
                await _is_given_up(open_books, due)
    if task is None:
        return True
    failpoint("ledger.payment_submitted")
    answer = await _call(rail, task, late=clock() - since > SEND_WITHIN_SECONDS)
    failpoint("ledger.rail_answered")
    async with open_books() as books:
        await apply_answer(books, task.payment, answer, rail)
    return True


async def _take(open_books: BooksOpener) -> Disbursement | None:
    """The next due payment; not due again while this worker talks to the rail. Should it die, others ask later."""
    async with open_books() as books:
        due = await books.payments.next_due_disbursement()
        if due is not None:
            await books.payments.ask_again(due.transaction_id, books.now + pause_before_asking(due.asked))
    return due


async def _prepare(open_books: BooksOpener, due: Disbursement, rail: Rail) -> _Task | None:
    """Where the rail is to pay to; None when nobody is paid now. Nothing has moved yet, so it may be repeated."""
    async with open_books() as books:
        account = await books.payments.account_of(due)
    code = "payee_erased"  # erased since the approval: nobody can be paid
    if account is not None:
        try:
            return _Task(due, await rail.prepare(account))
        except RailUnsureError:
            return None
        except PayeeRefusedError as refusal:
            code = refusal.code
    await _give_up(open_books, due, code)
    return None


async def _is_given_up(open_books: BooksOpener, due: Disbursement) -> bool:
    """Whether its award is over; then a payment that the rail was not called for has failed."""
    async with open_books() as books:
        is_over = await books.payments.is_closed(due.award.award_id)
    if is_over:
        await _give_up(open_books, due, AWARD_CANCELLED)
    return is_over


async def _give_up(open_books: BooksOpener, due: Disbursement, code: str) -> None:
    async with open_books() as books:
        payment = await books.transactions.find_disbursement_locked(due.transaction_id)
        if payment is not None and payment.status is Status.PENDING:
            await book_failed(books, payment, code)
            await books.payments.ask_again(payment.transaction_id, None)


async def _submit(open_books: BooksOpener, task: _Task) -> _Task | None:
    """Says `submitted`, durably, before the rail is called; None when another worker or a cancellation was faster."""
    async with open_books() as books:
        payment = await books.transactions.find_disbursement_locked(task.payment.transaction_id)
        if payment is None or payment.status is not Status.PENDING:
            return None
        # Who cancels locks the award as well: either we see it here, or it comes after `submitted` and in vain.
        await books.awards.find_locked(payment.award.award_id)
        if await books.payments.is_closed(payment.award.award_id):
            return None
        await books.transactions.move(payment.transaction_id, Status.PENDING, Status.SUBMITTED)
        await books.payments.mark_called(payment.transaction_id, books.now + pause_before_asking(0))
        submitted = replace(payment, status=Status.SUBMITTED, called_at=books.now, asked=0)
    return replace(task, payment=submitted)


async def _call(rail: Rail, task: _Task, *, late: bool) -> RailAnswer | None:
    """What the rail says; None for nothing clear."""
    payment = task.payment
    try:
        if task.destination is None:
            return await rail.ask(payment.reference)
        if late:
            log.warning("payment_not_sent_too_late", transaction_id=str(payment.transaction_id))
            return None
        return await rail.send(payment.reference, payment.amount, payment.currency, task.destination)
    except RailUnsureError as unsure:
        log.warning("payment_rail_unsure", rail=rail.name, transaction_id=str(payment.transaction_id), why=str(unsure))
        return None
