"""A rail confirmed a donation: a block, the programme's balance, and a lot that future payments draw on."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

import structlog

from chassis.database import database_is_away, database_is_busy
from ledger.domain import drafts
from ledger.domain.drafts import Draft
from ledger.domain.payments import (
    AMOUNT_DIFFERS,
    PAID_AFTER_FAILURE,
    PAID_AFTER_REVERSAL,
    RailAnswer,
    pause_before_asking,
)
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


# Credited in one transaction: it holds the head of the chain for some milliseconds, and one round trip serves them all.
TOGETHER_MAX: Final = 64
# Asked at the same time. A provider's limits are per second, and a dozen that wait for it fit its time-out.
ASKED_AT_ONCE_MAX: Final = 8

Answers = Mapping[UUID, RailAnswer | None]


async def credit_due_donations(open_books: BooksOpener, rails: Mapping[str, Rail]) -> bool:
    """Takes the donations that are due a step further, many at once; False when there is none.

    On a rail of our own (the sandbox, a transfer that a second person confirmed), due means that it has arrived.
    An outside rail is asked, whatever made the donation due, and believed only in reference, amount and currency.
    """
    due: Sequence[Donation] = ()
    try:
        async with open_books() as books:
            due = await books.payments.due_donations(TOGETHER_MAX)
            await _take_further(books, due)
    except Exception as error:
        if not due or database_is_away(error) or database_is_busy(error):
            raise
        due = [each for each in due if await _alone(open_books, each, _take_further_again)]
    outside = [each for each in due if each.rail == PAYSTACK]
    if outside:
        await _believe(open_books, outside, await _ask(rails, outside))
    return bool(due)


async def _believe(open_books: BooksOpener, outside: Sequence[Donation], answers: Answers) -> None:
    try:
        async with open_books() as books:
            await _apply(books, answers)
    except Exception as error:
        if database_is_away(error):
            raise
        if database_is_busy(error):  # the answers are lost, and a quarter of an hour is long
            async with open_books() as books:
                for each in outside:
                    await books.payments.schedule(each.transaction_id, books.now + pause_before_asking(each.asked))
            return
        for each in outside:
            await _alone(open_books, each, partial(_apply_one, answers=answers))


async def _alone(
    open_books: BooksOpener, donation: Donation, step: Callable[[Books, Donation], Awaitable[None]]
) -> bool:
    """Whether the one donation could be taken further; if not it waits, and the others do not wait for it."""
    try:
        async with open_books() as books:
            await step(books, donation)
    except Exception as error:
        if database_is_away(error) or database_is_busy(error):
            raise
        log.exception("donation_not_credited", transaction_id=str(donation.transaction_id), rail=donation.rail)
        async with open_books() as books:
            due_at = books.now + pause_before_asking(donation.asked)
            await books.payments.ask_again(donation.transaction_id, due_at)
        return False
    return True


async def _take_further(books: Books, due: Sequence[Donation]) -> None:
    own = [each for each in due if each.rail != PAYSTACK]
    await _credit_together(books, [each for each in own if each.status is Status.PENDING])
    await books.payments.settle([each.transaction_id for each in own])
    for each in due:
        if each.rail == PAYSTACK:
            await books.payments.ask_again(each.transaction_id, books.now + pause(each.asked))


async def _take_further_again(books: Books, donation: Donation) -> None:
    # Read anew, for another worker may have taken it meanwhile.
    await _take_further(books, await books.payments.due_donations(1, only=donation.transaction_id))


async def _ask(rails: Mapping[str, Rail], donations: Sequence[Donation]) -> Answers:
    """What the rails say, None where nothing clear; no transaction is open meanwhile."""
    at_once = asyncio.Semaphore(ASKED_AT_ONCE_MAX)

    async def ask(donation: Donation) -> RailAnswer | None:
        about = {"rail": donation.rail, "transaction_id": str(donation.transaction_id)}
        rail = rails.get(donation.rail)
        if rail is None:
            log.error("payment_rail_missing", **about)
            return None
        async with at_once:
            try:
                return await rail.ask_donation(donation.reference)
            except RailUnsureError as unsure:
                log.warning("donation_rail_unsure", **about, why=str(unsure))
                return None

    said = await asyncio.gather(*(ask(donation) for donation in donations))
    return {donation.transaction_id: answer for donation, answer in zip(donations, said, strict=True)}


def pause(asked: int) -> timedelta:
    """How long until a pending donation is asked about again."""
    return min(PAYSTACK_ASKED_AFTER * (1 << min(asked, 10)), ASK_DONATION_PAUSE_MAX)


async def _apply(books: Books, answers: Answers) -> None:
    # All of them are locked before the first one takes the head of the chain: the order in which everything is locked.
    found = await books.transactions.find_donations_locked(list(answers))
    await _credit_together(books, [each for each in found if await _is_received(books, each, answers)])


async def _apply_one(books: Books, donation: Donation, *, answers: Answers) -> None:
    await _apply(books, {donation.transaction_id: answers[donation.transaction_id]})


async def _is_received(books: Books, donation: Donation, answers: Answers) -> bool:
    """Whether it is to be credited; everything else that follows from the answer is done."""
    answer = answers[donation.transaction_id]
    if answer is None:  # whatever made it due is still not known: sooner than in a quarter of an hour
        await books.payments.schedule(donation.transaction_id, books.now + pause_before_asking(donation.asked))
        return False
    is_received = False
    if answer.status is RailStatus.PAID and donation.status in {Status.PENDING, Status.FAILED}:
        is_received = await _is_as_announced(books, donation, answer)
    elif donation.status is Status.COMPLETED and answer.status is RailStatus.REVERSED:
        # A rail says the same of what we have given back, and of what the donor's bank took back.
        if not await books.refunds.give_all_back(donation):
            await dispute(books, donation, "returned_by_bank", answer)
    elif donation.status is Status.REVERSED and answer.status is RailStatus.PAID:
        await dispute(books, donation, PAID_AFTER_REVERSAL, answer)
    elif donation.status is Status.PENDING and not _has_expired(books, donation):
        return False
    elif donation.status is Status.PENDING:
        await books.transactions.move(donation.transaction_id, Status.PENDING, Status.FAILED, code=EXPIRED)
    await books.payments.schedule(donation.transaction_id, None)
    return is_received


async def _is_as_announced(books: Books, donation: Donation, answer: RailAnswer) -> bool:
    differs = (answer.amount, answer.currency) != (donation.amount, donation.currency)
    if donation.status is Status.FAILED:
        await dispute(books, donation, AMOUNT_DIFFERS if differs else PAID_AFTER_FAILURE, answer)
    elif differs:
        await books.transactions.move(donation.transaction_id, Status.PENDING, Status.SUBMITTED)
        submitted = await books.transactions.find_donation_locked(donation.transaction_id)
        await dispute(books, submitted or donation, AMOUNT_DIFFERS, answer)
    else:
        return True
    return False


def _has_expired(books: Books, donation: Donation) -> bool:
    return donation.initiated_at is not None and books.now - donation.initiated_at > EXPIRES_AFTER


async def _credit_together(books: Books, donations: Sequence[Donation]) -> None:
    """`credit` for pending donations: a block and a lot for each, in one go."""
    if not donations:
        return
    blocks = await books.chain.append(*map(_draft, donations))
    received = list(zip(donations, blocks, strict=True))
    await books.transactions.complete_donations(received)
    await books.lots.add([(donation, block.block_index) for donation, block in received])
    for donation in donations:
        books.announce.donation_received(donation)


async def credit(books: Books, donation: Donation) -> None:
    """The money is there: external donor -> available."""
    [block] = await books.chain.append(_draft(donation))
    await books.transactions.move(donation.transaction_id, donation.status, Status.COMPLETED, block=block)
    await books.lots.add([(donation, block.block_index)])
    books.announce.donation_received(donation)


def _draft(donation: Donation) -> Draft:
    return drafts.donation(
        donation.transaction_id,
        donor_id=donation.donor_id,
        program_id=donation.program_id,
        amount=donation.amount,
        currency=donation.currency,
        earmark=donation.earmark,
    )
