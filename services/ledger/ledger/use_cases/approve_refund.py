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
        IllegalStateError: approved already, or ended.
    """
    refund = await books.refunds.find_live(donation_id)
    if refund is None:
        donation = await books.transactions.find_donation_locked(donation_id)
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
    await books.refunds.approve(refund, approved_by)
    return refund
