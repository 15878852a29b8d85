"""The way out of `disputed`: one admin says what has happened to the money, another confirms exactly that."""

from uuid import UUID

from ledger.domain.disputes import Dispute, Outcome, Step, steps
from ledger.domain.records import Donation
from ledger.domain.refusals import IllegalStateError, IsPayeeError, NotFoundError, SamePersonError
from ledger.domain.transactions import Status
from ledger.use_cases.find_payment import Payment, find_payment_locked, kind_of
from ledger.use_cases.ports import Books
from ledger.use_cases.return_donation import objection_to_return


async def propose_resolution(
    books: Books, *, transaction_id: UUID, outcome: Outcome, reason: str, proposed_by: UUID
) -> None:
    """May be proposed anew until somebody has approved.

    Raises:
        NotFoundError
        IsPayeeError
        IllegalStateError: not disputed, approved already, or an outcome that the books contradict or cannot book.
    """
    payment, dispute = await _find(books, transaction_id, proposed_by)
    taken = steps(kind_of(payment), dispute.status_before, outcome)
    if taken is None:
        detail = f"By the books this was {dispute.status_before} when it came up: it cannot end as {outcome}."
        raise IllegalStateError(payment.status, detail)
    if Step.RETURN in taken and isinstance(payment, Donation):
        objection = await objection_to_return(books, payment)
        if objection is not None:
            raise IllegalStateError(payment.status, objection)
    await books.payments.disputes.propose(dispute, outcome, reason, proposed_by)


async def approve_resolution(books: Books, *, transaction_id: UUID, outcome: Outcome, approved_by: UUID) -> None:
    """Leaves the books to the worker. `outcome` is named again: what is approved is what was read.

    Raises:
        NotFoundError
        IsPayeeError, SamePersonError
        IllegalStateError: not disputed, nothing or something else was proposed, or approved already.
    """
    payment, dispute = await _find(books, transaction_id, approved_by)
    if dispute.proposed_by == approved_by:
        raise SamePersonError
    if dispute.outcome is not outcome:
        raise IllegalStateError(payment.status, f"Proposed is {dispute.outcome or 'nothing yet'}.")
    await books.payments.disputes.approve(dispute, approved_by)


async def _find(books: Books, transaction_id: UUID, caller: UUID) -> tuple[Payment, Dispute]:
    payment = await find_payment_locked(books, transaction_id)
    if payment is None:
        raise NotFoundError
    if payment.user_id == caller:
        raise IsPayeeError
    dispute = await books.payments.disputes.find_open(transaction_id)
    if payment.status is not Status.DISPUTED or dispute is None:
        raise IllegalStateError(payment.status)
    if dispute.approved_by is not None:
        raise IllegalStateError(payment.status, "The resolution has been approved already.")
    return payment, dispute
