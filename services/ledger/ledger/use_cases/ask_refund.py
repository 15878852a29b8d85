"""An admin asks that what is left of a donation goes back to its donor."""

from uuid import UUID

from ledger.domain.records import Refund
from ledger.domain.refusals import IllegalStateError, InsufficientFundsError, IsPayeeError, NotFoundError
from ledger.domain.transactions import Status
from ledger.use_cases.announce_donation import payment_reference
from ledger.use_cases.ports import Books


async def ask_refund(books: Books, *, donation_id: UUID, transaction_id: UUID, asked_by: UUID, reason: str) -> Refund:
    """The pending refund of everything that is neither promised nor paid; money moves once a second admin approves.

    Raises:
        NotFoundError
        IsPayeeError: the donor cannot ask for their own money.
        IllegalStateError: not completed, or a refund is under way.
        InsufficientFundsError: all of it is promised or paid.
    """
    donation = await books.transactions.find_donation_locked(donation_id)
    if donation is None:
        raise NotFoundError
    if donation.user_id == asked_by:
        raise IsPayeeError
    if donation.status is not Status.COMPLETED:
        raise IllegalStateError(donation.status)
    under_way = await books.refunds.find_live(donation_id)
    if under_way is not None:
        raise IllegalStateError(under_way.status, "A refund of this donation is under way.")
    left = await books.lots.left_of(donation_id)
    if left <= 0:
        raise InsufficientFundsError("All of this donation is promised or paid.")
    refund = Refund(
        transaction_id=transaction_id,
        donation_id=donation_id,
        program_id=donation.program_id,
        donor_id=donation.donor_id,
        user_id=donation.user_id,
        requested_by=asked_by,
        approved_by=None,
        amount=left,
        currency=donation.currency,
        status=Status.PENDING,
        rail=donation.rail,
        reference=payment_reference(transaction_id),
        called_at=None,
        asked=0,
    )
    await books.refunds.add(refund, reason)
    return refund
