"""A payment of any kind by its transaction, locked."""

from uuid import UUID

from ledger.domain.records import Disbursement, Donation, Refund
from ledger.domain.transactions import TransactionType
from ledger.use_cases.ports import Books

Payment = Disbursement | Donation | Refund


async def find_payment_locked(books: Books, transaction_id: UUID) -> Payment | None:
    """None for what is no payment: commitments, reversals, corrections."""
    return (
        await books.transactions.find_disbursement_locked(transaction_id)
        or await books.transactions.find_donation_locked(transaction_id)
        or await books.refunds.find_locked(transaction_id)
    )


def kind_of(payment: Payment) -> TransactionType:
    match payment:
        case Disbursement():
            return TransactionType.DISBURSEMENT
        case Donation():
            return TransactionType.DONATION
        case _:
            return TransactionType.REFUND
