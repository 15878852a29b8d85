"""The rail contradicts the books: the books stay as they are, and two people have to look."""

from ledger.domain.payments import RailAnswer
from ledger.domain.records import Disbursement, Donation, Refund
from ledger.domain.transactions import Status
from ledger.use_cases.ports import Books


async def dispute(
    books: Books, payment: Disbursement | Donation | Refund, code: str, said: RailAnswer | None = None
) -> None:
    """`payment` is locked, and as it is now; `said` is what the rail (or a bank statement) says about it.

    Raises:
        IllegalStateError: it is not in a state in which a rail could contradict it.
    """
    await books.payments.disputes.open(payment, code, said)
    await books.transactions.move(payment.transaction_id, payment.status, Status.DISPUTED, code=code)
