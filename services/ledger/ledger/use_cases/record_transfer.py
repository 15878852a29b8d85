"""An admin who neither asked nor approved records what became of a bank transfer that people make."""

from typing import Final
from uuid import UUID

from ledger.domain.records import Disbursement
from ledger.domain.refusals import (
    BankReferenceUsedError,
    IllegalStateError,
    IsPayeeError,
    NotFoundError,
    SamePersonError,
)
from ledger.domain.transactions import RailStatus, Status
from ledger.use_cases.announce_donation import MANUAL
from ledger.use_cases.payment_ports import ManualRecord
from ledger.use_cases.ports import Books

# What can still be found out at the bank. Paid after it failed becomes a dispute, like on every other rail.
_RECORDABLE: Final = {
    Status.SUBMITTED: frozenset({RailStatus.PAID, RailStatus.FAILED}),
    Status.UNKNOWN: frozenset({RailStatus.PAID, RailStatus.FAILED}),
    Status.COMPLETED: frozenset({RailStatus.REVERSED}),
    Status.FAILED: frozenset({RailStatus.PAID}),
}


async def record_transfer(books: Books, *, transaction_id: UUID, record: ManualRecord) -> Disbursement:
    """Leaves the record for the worker, which asks the rail for it like for any other answer.

    Raises:
        NotFoundError: no disbursement of that id.
        SamePersonError, IsPayeeError
        IllegalStateError: not a transfer that people make, or nothing of the kind can be found out now.
        BankReferenceUsedError: the reference proves another transfer.
    """
    payment = await find_manual(books, transaction_id)
    if payment.user_id == record.recorded_by:
        raise IsPayeeError
    if record.recorded_by in await books.payments.people_of(transaction_id):
        raise SamePersonError
    # A transfer that was made after all stays failed; what it is by now, the transaction in its place says.
    correction = await books.payments.disputes.correction_of(transaction_id)
    standing = payment.status if correction is None or payment.status is not Status.FAILED else correction[1]
    if record.outcome not in _RECORDABLE.get(standing, frozenset()):
        raise IllegalStateError(payment.status)
    latest = await books.payments.manual.latest(transaction_id)
    applied = {Status.COMPLETED: RailStatus.PAID, Status.FAILED: RailStatus.FAILED}.get(standing)
    if latest is not applied:
        raise IllegalStateError(payment.status, "What was recorded before has not been booked yet.")
    if not await books.payments.manual.add(transaction_id, record):
        raise BankReferenceUsedError
    await books.payments.schedule(transaction_id, books.now)
    return payment


async def find_manual(books: Books, transaction_id: UUID) -> Disbursement:
    """The disbursement that people make.

    Raises:
        NotFoundError
        IllegalStateError: a rail pays it by itself.
    """
    payment = await books.transactions.find_disbursement_locked(transaction_id)
    if payment is None:
        raise NotFoundError
    if payment.rail != MANUAL:
        raise IllegalStateError(payment.status, f"The rail {payment.rail!r} confirms by itself.")
    return payment
