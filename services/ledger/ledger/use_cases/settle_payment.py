"""Calls the rail for what is due and books what it says; what is unknown is asked about, never sent again."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from chassis.failpoints import failpoint
from ledger.domain import drafts
from ledger.domain.payments import RailAnswer, outcome, pause_before_asking
from ledger.domain.records import Disbursement
from ledger.domain.transactions import RailStatus, Status, check_move
from ledger.use_cases.ports import Books, BooksOpener, Rail, RailUnsureError

# A completed payment may still come back. The sandbox returns within seconds; banks tell by webhook or statement.
REVERSAL_WATCH: Final = timedelta(seconds=10)


async def settle_next_payment(open_books: BooksOpener, rails: Mapping[str, Rail]) -> bool:
    """Takes one due payment a step further; False when none is due.

    Three commits, so that a crash between any two lines is safe: `submitted` before the call; the call holds no
    transaction; then what the rail said. A worker that dies after `submitted` leaves a payment that is asked about.
    """
    async with open_books() as books:
        due = await books.payments.next_due_disbursement()
        if due is None:
            return False
        rail = rails[due.rail]
        account = None
        if due.status is Status.PENDING:
            account = await books.payments.account_of(due)
            await books.transactions.move(due.transaction_id, Status.PENDING, Status.SUBMITTED)
            await books.payments.mark_called(due.transaction_id)
            due = replace(due, status=Status.SUBMITTED, called_at=books.now)
            if account is None:  # erased since the approval: nobody can be paid
                await _book(books, due, Status.FAILED, "payee_erased")
                return True
        # Not due again while this worker talks to the rail; should it die, others ask after the pause.
        await books.payments.ask_again(due.transaction_id, books.now + pause_before_asking(due.asked))
    failpoint("ledger.payment_submitted")
    try:
        if account is not None:
            answer = await rail.send(due.reference, due.amount, due.currency, account)
        else:
            answer = await rail.ask(due.reference)
    except RailUnsureError:
        answer = None
    failpoint("ledger.rail_answered")
    async with open_books() as books:
        await apply_answer(books, due, answer)
    return True


async def apply_answer(books: Books, seen: Disbursement, answer: RailAnswer | None) -> None:
    """Books what the rail said (None: nothing clear) about a payment, as it is by now."""
    payment = await books.transactions.find_disbursement_locked(seen.transaction_id)
    if payment is None or payment.called_at is None:
        return
    if answer is None:
        if payment.status is Status.SUBMITTED:
            await books.transactions.move(payment.transaction_id, Status.SUBMITTED, Status.UNKNOWN)
        return
    waited = books.now - payment.called_at
    following = outcome(payment.status, answer, payment.amount, payment.currency, waited=waited)
    if following is payment.status:
        await _rest_when_settled(books, payment, waited)
        return
    check_move(payment.status, following)
    code = answer.code
    if answer.status is RailStatus.NOT_FOUND:
        code = "not_received_by_rail"
    await _book(books, payment, following, code)


async def _rest_when_settled(books: Books, payment: Disbursement, waited: timedelta) -> None:
    if payment.status is Status.COMPLETED and waited > REVERSAL_WATCH:
        await books.payments.ask_again(payment.transaction_id, None)


async def _book(books: Books, payment: Disbursement, following: Status, code: str | None) -> None:
    """The block, the state, the lots and the announcement of a payment's next state, together."""
    next_ask: datetime | None = None
    match following:
        case Status.COMPLETED:
            [block] = await books.chain.append(drafts.disbursement(payment.booking, "completed"))
            await books.transactions.move(payment.transaction_id, payment.status, following, block=block)
            await books.people.received(payment.award.beneficiary_id, payment.amount)
            books.announce.disbursement_completed(payment)
            next_ask = books.now + pause_before_asking(0)
        case Status.FAILED:
            code = code or "rail_refused"
            [block] = await books.chain.append(drafts.disbursement(payment.booking, "failed"))
            await books.transactions.move(payment.transaction_id, payment.status, following, code=code, block=block)
            await _give_back(books, payment)
            books.announce.disbursement_failed(payment, code)
        case Status.REVERSED:
            code = code or "returned_by_bank"
            reversal_id = await books.transactions.add_reversal(payment, code)
            [block] = await books.chain.append(drafts.reversal(payment.booking, code))
            await books.transactions.book(reversal_id, block)
            await books.transactions.move(payment.transaction_id, payment.status, following, code=code)
            await books.people.received(payment.award.beneficiary_id, -payment.amount)
            await _give_back(books, payment)
            books.announce.disbursement_reversed(payment, code)
        case _:  # disputed: the books stay as they are until a person has looked
            await books.transactions.move(payment.transaction_id, payment.status, following, code=code)
    await books.payments.ask_again(payment.transaction_id, next_ask)


async def _give_back(books: Books, payment: Disbursement) -> None:
    await books.lots.give_back(payment.award.award_id, payment.transaction_id)
    await books.awards.change(payment.award.award_id, paid=-payment.amount)
