"""Looks after what hangs: makes due what nobody would ask about, and says how old the oldest open payment is."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from ledger.domain.payments import NO_ANSWER
from ledger.domain.transactions import Status
from ledger.use_cases.dispute_payment import dispute
from ledger.use_cases.find_payment import find_payment_locked
from ledger.use_cases.payment_ports import Unsettled
from ledger.use_cases.ports import Books

log = structlog.get_logger(__name__)

# Longer than this, and a person should look: a rail that answers settles within minutes, people within days.
OVERDUE_AFTER: Final = {
    ("out", Status.PENDING): timedelta(hours=1),
    ("out", Status.SUBMITTED): timedelta(days=1),
    ("out", Status.UNKNOWN): timedelta(hours=1),
    ("in", Status.PENDING): timedelta(days=7),
    ("in", Status.SUBMITTED): timedelta(hours=1),
}
DISPUTED_OVERDUE_AFTER: Final = timedelta(days=2)
# A rail that has no final answer after this long will not have one: two people find out at the bank.
NO_ANSWER_AFTER: Final = timedelta(days=7)


async def sweep_payments(books: Books) -> tuple[Sequence[Unsettled], Sequence[Unsettled]]:
    """All that is unsettled, and what of it is overdue. Nothing is ever sent again here."""
    revived = await books.payments.revive_forgotten()
    if revived:
        log.warning("forgotten_payments_made_due", count=revived)
    for transaction_id in await books.payments.unanswered(books.now - NO_ANSWER_AFTER):
        await _give_up_asking(books, transaction_id)
    found = await books.payments.unsettled()
    overdue = [each for each in found if books.now - each.oldest_at > _patience(each)]
    return found, overdue


async def _give_up_asking(books: Books, transaction_id: UUID) -> None:
    payment = await find_payment_locked(books, transaction_id)
    if payment is not None and payment.status in {Status.SUBMITTED, Status.UNKNOWN}:
        await dispute(books, payment, NO_ANSWER)
        await books.payments.schedule(transaction_id, None)
        log.error("payment_without_answer", transaction_id=str(transaction_id))


def _patience(each: Unsettled) -> timedelta:
    return OVERDUE_AFTER.get((each.direction, Status(each.status)), DISPUTED_OVERDUE_AFTER)
