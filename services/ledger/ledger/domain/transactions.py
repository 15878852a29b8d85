"""States of a transaction and its payment, and the only moves between them."""

from enum import StrEnum
from typing import Final

from ledger.domain.refusals import IllegalStateError


class TransactionType(StrEnum):
    DONATION = "donation"
    COMMITMENT = "commitment"
    DECOMMITMENT = "decommitment"
    DISBURSEMENT = "disbursement"
    REFUND = "refund"
    REVERSAL = "reversal"


class Status(StrEnum):
    """`pending`: asked for, the rail not yet called. `submitted`: persisted before the rail is called.

    `unknown`: the rail may have paid; it is asked about, never paid again. `disputed`: the rail contradicts
    the books (another amount, a second debit, a reversal of nothing; the code says which); two people resolve it.
    """

    PENDING = "pending"
    SUBMITTED = "submitted"
    COMPLETED = "completed"
    FAILED = "failed"
    REVERSED = "reversed"
    UNKNOWN = "unknown"
    DISPUTED = "disputed"


_MOVES: Final[dict[Status, frozenset[Status]]] = {
    Status.PENDING: frozenset({Status.SUBMITTED, Status.FAILED}),
    Status.SUBMITTED: frozenset({Status.COMPLETED, Status.FAILED, Status.UNKNOWN, Status.DISPUTED}),
    Status.UNKNOWN: frozenset({Status.COMPLETED, Status.FAILED, Status.DISPUTED}),
    Status.COMPLETED: frozenset({Status.REVERSED, Status.DISPUTED}),
    Status.FAILED: frozenset({Status.DISPUTED}),
    Status.REVERSED: frozenset({Status.DISPUTED}),
    Status.DISPUTED: frozenset({Status.COMPLETED, Status.FAILED, Status.REVERSED}),
}

# A payment in one of these states may still move money: a tranche has at most one such payment.
LIVE: Final = frozenset({Status.PENDING, Status.SUBMITTED, Status.UNKNOWN, Status.COMPLETED, Status.DISPUTED})


def check_move(current: Status, following: Status) -> None:
    """Raises IllegalStateError unless the move is one of the allowed ones."""
    if following not in _MOVES[current]:
        raise IllegalStateError(current.value, f"{current.value} does not become {following.value}")


class RailStatus(StrEnum):
    """What a rail says about a reference of ours."""

    PROCESSING = "processing"
    PAID = "paid"
    FAILED = "failed"
    REVERSED = "reversed"
    NOT_FOUND = "not_found"
