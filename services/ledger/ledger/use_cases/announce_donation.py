"""Somebody gives: the donation is written down as pending; it counts once its rail confirms it."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from ledger.domain.records import Donation
from ledger.domain.refusals import CurrencyUnsupportedError, NotFoundError
from ledger.domain.transactions import Status
from ledger.use_cases.ports import Books

SANDBOX: Final = "sandbox"
MANUAL: Final = "manual"
PAYSTACK: Final = "paystack"
# The sandbox confirms by itself after this: long enough that clients learn to wait, short enough not to bore them.
SANDBOX_CONFIRMS_AFTER: Final = timedelta(milliseconds=500)
# Paystack tells by webhook; it is asked after this in case the webhook was lost. People take minutes to pay.
PAYSTACK_ASKED_AFTER: Final = timedelta(minutes=15)
_DUE_AFTER: Final = {SANDBOX: SANDBOX_CONFIRMS_AFTER, PAYSTACK: PAYSTACK_ASKED_AFTER}


@dataclass(frozen=True, slots=True)
class Offer:
    """What is given, for which programme; `behalf`: (name, reference) of the donor that an admin records."""

    program_id: UUID
    amount: Decimal
    currency: str
    earmark: UUID | None
    behalf: tuple[str, str] | None


async def announce_donation(
    books: Books, offer: Offer, *, transaction_id: UUID, recorded_by: UUID, rail: str
) -> Donation:
    """The pending donation.

    Raises:
        NotFoundError: no such programme, or no longer.
        CurrencyUnsupportedError: the programme is in another currency.
    """
    program = await books.programs.find(offer.program_id)
    if program is None or await books.programs.is_deleted(offer.program_id):
        raise NotFoundError
    if program.currency != offer.currency:
        raise CurrencyUnsupportedError(f"This programme is in {program.currency}.")
    if offer.behalf is None:
        donor_id = await books.people.donor_of(recorded_by)
    else:
        donor_id = await books.people.donor_on_behalf(*offer.behalf)
    donation = Donation(
        transaction_id=transaction_id,
        program_id=offer.program_id,
        donor_id=donor_id,
        user_id=recorded_by if offer.behalf is None else None,
        requested_by=recorded_by,
        amount=offer.amount,
        currency=offer.currency,
        earmark=offer.earmark,
        status=Status.PENDING,
        rail=rail,
    )
    due_after = _DUE_AFTER.get(rail)
    due_at = None if due_after is None else books.now + due_after
    await books.transactions.add_donation(donation, payment_reference(transaction_id), due_at)
    return donation


def payment_reference(transaction_id: UUID) -> str:
    """Stable: the same transaction has the same reference at the rail, whoever asks and however often.

    Lower-case letters, digits and a dash, 39 characters: Paystack takes 16 to 50 of these and nothing else.
    """
    return f"impact-{transaction_id.hex}"
