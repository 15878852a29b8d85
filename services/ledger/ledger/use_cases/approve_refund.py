"""A second admin approves a refund; the worker then takes the money out and calls the rail."""

from uuid import UUID

from ledger.domain.records import Refund
from ledger.domain.refusals import IllegalStateError, IsPayeeError, NotFoundError, SamePersonError
from ledger.domain.transactions import Status
from ledger.use_cases.ports import Books


async def approve_refund(books: Books, *, donation_id: UUID, approved_by: UUID) -> Refund:
    """The refund, now due with its rail.

    Raises:
        NotFoundError: no refund of this donation was asked for.
        SamePersonError, IsPayeeError
        IllegalStateError: approved already, or ended; the donation or an earlier refund of it is disputed.
    """
    # The donation before its refund, as when it is asked for: the order in which they are locked.
    donation = await books.transactions.find_donation_locked(donation_id)
    refund = None if donation is None else await books.refunds.find_live(donation_id)
    if donation is None or refund is None:
        ended = None if donation is None else await books.refunds.how_the_last_ended(donation)
        if ended is None:
            raise NotFoundError
        raise IllegalStateError(ended, "The refund of this donation has ended.")
    if refund.requested_by == approved_by:
        raise SamePersonError
    if refund.user_id == approved_by:
        raise IsPayeeError
    if refund.status is not Status.PENDING or refund.approved_by is not None:
        raise IllegalStateError(refund.status, "This refund has been approved already.")
    if donation.status is not Status.COMPLETED:
        raise IllegalStateError(donation.status, "The donation is not in the books, or disputed.")
    if await books.refunds.has_disputed(donation_id):
        raise IllegalStateError(refund.status, "An earlier refund of this donation is disputed.")
    await books.refunds.approve(refund, approved_by)
    return refund
