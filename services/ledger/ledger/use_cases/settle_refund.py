"""Takes approved refunds through the rail: the same care as for payments, back to the donor."""

from collections.abc import Mapping
from dataclasses import replace

from chassis.failpoints import failpoint
from ledger.domain import drafts
from ledger.domain.payments import RailAnswer, outcome, pause_before_asking
from ledger.domain.records import Refund
from ledger.domain.refusals import InsufficientFundsError
from ledger.domain.transactions import RailStatus, Status
from ledger.use_cases.ports import Books, BooksOpener, Rail, RailUnsureError


async def settle_next_refund(open_books: BooksOpener, rails: Mapping[str, Rail]) -> bool:
    """Takes one due refund a step further; False when none is due. See `settle_payment` for the three commits."""
    async with open_books() as books:
        due = await books.refunds.next_due()
        if due is None:
            return False
        first = due.status is Status.PENDING
        if first:
            started = await _take_out(books, due)
            if started is None:
                return True
            due = started
        await books.payments.ask_again(due.transaction_id, books.now + pause_before_asking(due.asked))
    rail = rails[due.rail]
    failpoint("ledger.refund_submitted")
    try:
        if first:
            answer: RailAnswer | None = await rail.refund(due.reference, due.amount, due.currency)
        else:
            answer = await rail.ask(due.reference)
    except RailUnsureError:
        answer = None
    async with open_books() as books:
        await _apply(books, due, answer)
    return True


async def _take_out(books: Books, refund: Refund) -> Refund | None:
    """Available -> clearing, out of the donation's own lot; None when it has been promised since it was asked for."""
    if await books.lots.left_of(refund.donation_id) < refund.amount:
        await books.transactions.move(
            refund.transaction_id, Status.PENDING, Status.FAILED, code=InsufficientFundsError.CODE
        )
        await books.payments.ask_again(refund.transaction_id, None)
        return None
    await books.lots.refund(refund.donation_id, refund.transaction_id, refund.amount)
    [block] = await books.chain.append(drafts.refund(refund.booking, "sent"))
    await books.transactions.move(refund.transaction_id, Status.PENDING, Status.SUBMITTED, block=block)
    await books.refunds.mark_approved(refund)
    await books.payments.mark_called(refund.transaction_id)
    return replace(refund, status=Status.SUBMITTED, called_at=books.now)


async def _apply(books: Books, seen: Refund, answer: RailAnswer | None) -> None:
    refund = await books.refunds.find_locked(seen.transaction_id)
    if refund is None or refund.called_at is None:
        return
    if answer is None:
        if refund.status is Status.SUBMITTED:
            await books.transactions.move(refund.transaction_id, Status.SUBMITTED, Status.UNKNOWN)
        return
    following = outcome(refund.status, answer, refund.amount, refund.currency, waited=books.now - refund.called_at)
    if following is refund.status:
        return
    code = "not_received_by_rail" if answer.status is RailStatus.NOT_FOUND else answer.code
    block = None
    if following in {Status.COMPLETED, Status.FAILED}:
        [block] = await books.chain.append(drafts.refund(refund.booking, following.value))
    await books.transactions.move(refund.transaction_id, refund.status, following, code=code, block=block)
    if following is Status.COMPLETED:
        books.announce.refund_completed(refund)
    if following is Status.FAILED:
        await books.lots.take_back_refund(refund.donation_id, refund.transaction_id, refund.amount)
    await books.payments.ask_again(refund.transaction_id, None)
