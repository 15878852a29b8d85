"""An admin other than the recorder confirms that a donation by bank transfer has arrived."""

from uuid import UUID

from ledger.domain.records import Donation
from ledger.domain.refusals import IllegalStateError, NotFoundError, SamePersonError
from ledger.domain.transactions import Status
from ledger.use_cases.announce_donation import MANUAL
from ledger.use_cases.ports import Books


async def confirm_donation(books: Books, *, transaction_id: UUID, confirmed_by: UUID) -> Donation:
    """Leaves the confirmation for the worker, which alone writes blocks.

    Raises:
        NotFoundError, SamePersonError
        IllegalStateError: not pending, confirmed already, or not a transfer that a person confirms.
    """
    donation = await books.transactions.find_donation_locked(transaction_id)
    if donation is None:
        raise NotFoundError
    if donation.requested_by == confirmed_by:
        raise SamePersonError
    if donation.rail != MANUAL:
        raise IllegalStateError(donation.status, f"The rail {donation.rail!r} confirms by itself.")
    if donation.status is not Status.PENDING:
        raise IllegalStateError(donation.status)
    if not await books.payments.confirm(transaction_id, confirmed_by):
        raise IllegalStateError(donation.status, "This donation is confirmed already, and about to be booked.")
    return donation
