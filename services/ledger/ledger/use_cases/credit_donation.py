"""A rail confirmed a donation: a block, the programme's balance, and a lot that future payments draw on."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import structlog

from ledger.domain import drafts
from ledger.domain.payments import AMOUNT_DIFFERS, PAID_AFTER_FAILURE, RailAnswer, pause_before_asking
from ledger.domain.records import Donation
from ledger.domain.transactions import RailStatus, Status
from ledger.use_cases.announce_donation import PAYSTACK, PAYSTACK_ASKED_AFTER
from ledger.use_cases.dispute_payment import dispute
from ledger.use_cases.payment_ports import Rail, RailUnsureError
from ledger.use_cases.ports import Books, BooksOpener

log = structlog.get_logger(__name__)

# A donor's card or transfer is asked about at ever longer intervals, up to this, for a webhook may be lost.
ASK_DONATION_PAUSE_MAX: Final = timedelta(hours=6)
# Paystack repeats a webhook for 72 hours; whatever has not been paid by then was given up by its donor.
EXPIRES_AFTER: Final = timedelta(hours=73)
EXPIRED: Final = "expired"


async def credit_next_donation(open_books: BooksOpener, rails: Mapping[str, Rail]) -> bool:
    """Takes one due donation a step further; False when there is none.

    On a rail of our own (the sandbox, a transfer that a second person confirmed), due means that it has arrived.
    An outside rail is asked, whatever made the donation due, and believed only in reference, amount and currency.
    """
    async with open_books() as books:
        donation = await books.payments.next_due_donation()
        if donation is None:
            return False
        if donation.rail != PAYSTACK:
            if donation.status is Status.PENDING:
                await credit(books, donation)
            await books.payments.schedule(donation.transaction_id, None)
            return True
        await books.payments.ask_again(donation.transaction_id, books.now + pause(donation.asked))
    rail = rails.get(donation.rail)
    answer: RailAnswer | None = None
    if rail is None:
        log.error("payment_rail_missing", rail=donation.rail, transaction_id=str(donation.transaction_id))
    else:
        try:
            answer = await rail.ask_donation(donation.reference)
        except RailUnsureError as unsure:
            log.warning(
                "donation_rail_unsure",
                rail=donation.rail,
                transaction_id=str(donation.transaction_id),
                why=str(unsure),
            )
    async with open_books() as books:
        await _apply(books, donation, answer)
    return True


def pause(asked: int) -> timedelta:
    """How long until a pending donation is asked about again."""
    return min(PAYSTACK_ASKED_AFTER * (1 << min(asked, 10)), ASK_DONATION_PAUSE_MAX)


async def _apply(books: Books, seen: Donation, answer: RailAnswer | None) -> None:
    donation = await books.transactions.find_donation_locked(seen.transaction_id)
    if donation is None:
        return
    if answer is None:  # whatever made it due is still not known: sooner than in a quarter of an hour
        await books.payments.schedule(donation.transaction_id, books.now + pause_before_asking(donation.asked))
        return
    is_paid = answer.status is RailStatus.PAID
    if is_paid and donation.status in {Status.PENDING, Status.FAILED}:
        await _receive(books, donation, answer)
    elif donation.status is Status.COMPLETED and answer.status is RailStatus.REVERSED:
        await dispute(books, donation, "returned_by_bank", answer)  # the donor's bank took it back
    elif donation.status is Status.PENDING and not _has_expired(books, donation):
        return
    elif donation.status is Status.PENDING:
        await books.transactions.move(donation.transaction_id, Status.PENDING, Status.FAILED, code=EXPIRED)
    await books.payments.schedule(donation.transaction_id, None)


async def _receive(books: Books, donation: Donation, answer: RailAnswer) -> None:
    differs = (answer.amount, answer.currency) != (donation.amount, donation.currency)
    if donation.status is Status.FAILED:
        await dispute(books, donation, AMOUNT_DIFFERS if differs else PAID_AFTER_FAILURE, answer)
    elif differs:
        await books.transactions.move(donation.transaction_id, Status.PENDING, Status.SUBMITTED)
        submitted = await books.transactions.find_donation_locked(donation.transaction_id)
        await dispute(books, submitted or donation, AMOUNT_DIFFERS, answer)
    else:
        await credit(books, donation)


def _has_expired(books: Books, donation: Donation) -> bool:
    return donation.initiated_at is not None and books.now - donation.initiated_at > EXPIRES_AFTER


async def credit(books: Books, donation: Donation) -> None:
    """The money is there: external donor -> available."""
    [block] = await books.chain.append(
        drafts.donation(
            donation.transaction_id,
            donor_id=donation.donor_id,
            program_id=donation.program_id,
            amount=donation.amount,
            currency=donation.currency,
            earmark=donation.earmark,
        )
    )
    current = donation.status
    if current is Status.PENDING:  # two steps: money that was never submitted to a rail is never completed
        await books.transactions.move(donation.transaction_id, current, Status.SUBMITTED)
        current = Status.SUBMITTED
    await books.transactions.move(donation.transaction_id, current, Status.COMPLETED, block=block)
    await books.lots.add(donation, block.block_index)
    books.announce.donation_received(donation)
