"""Commitments to what is personal about a payment, and what a rail's answer means for a payment's state."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Final

from ledger.domain import canonical
from ledger.domain.transactions import RailStatus, Status

SALT_BYTES: Final = 32  # as long as the hash: guessing the salt is no easier than guessing the hash
# An unknown reference may be a request still under way at the rail; after this long it never arrived.
NOT_FOUND_GRACE: Final = timedelta(seconds=60)
# Answers are asked for again after 1, 2, 4, ... seconds, never more rarely than this.
ASK_PAUSE_MAX: Final = timedelta(minutes=5)
# A bank returns money within days: completed payments are asked about for this long.
REVERSAL_WATCH: Final = timedelta(days=3)


def personal_commitment(salt: bytes, fields: Mapping[str, str]) -> str:
    """SHA-256(salt || JCS(fields)), hex: binds a block to personal fields that it does not show."""
    return sha256(salt + canonical.encode(dict(fields))).hexdigest()


@dataclass(frozen=True, slots=True)
class RailAnswer:
    """What a rail says about one of our references: its status, the amount it knows, a reason code."""

    status: RailStatus
    amount: Decimal | None = None
    currency: str | None = None
    code: str | None = None


def pause_before_asking(asked: int) -> timedelta:
    return min(timedelta(seconds=2.0 ** min(asked, 10)), ASK_PAUSE_MAX)


_S = Status
# What follows from what the rail says while we are in a state; where nothing is written, nothing changes.
_FOLLOWING: Final[Mapping[tuple[RailStatus, Status], Status]] = {
    (RailStatus.PAID, _S.SUBMITTED): _S.COMPLETED,
    (RailStatus.PAID, _S.UNKNOWN): _S.COMPLETED,
    (RailStatus.PAID, _S.FAILED): _S.DISPUTED,  # a second debit, or a failure that was none
    (RailStatus.FAILED, _S.SUBMITTED): _S.FAILED,
    (RailStatus.FAILED, _S.UNKNOWN): _S.FAILED,
    (RailStatus.FAILED, _S.COMPLETED): _S.DISPUTED,
    # A return of what we have not yet seen paid: the payment is booked first, its return at the next answer.
    (RailStatus.REVERSED, _S.SUBMITTED): _S.COMPLETED,
    (RailStatus.REVERSED, _S.UNKNOWN): _S.COMPLETED,
    (RailStatus.REVERSED, _S.COMPLETED): _S.REVERSED,
    (RailStatus.REVERSED, _S.FAILED): _S.DISPUTED,  # a return of what was never paid
    (RailStatus.NOT_FOUND, _S.SUBMITTED): _S.FAILED,
    (RailStatus.NOT_FOUND, _S.UNKNOWN): _S.FAILED,
    (RailStatus.NOT_FOUND, _S.COMPLETED): _S.DISPUTED,
}


def outcome(current: Status, answer: RailAnswer, amount: Decimal, currency: str, *, waited: timedelta) -> Status:
    """The state that follows from a rail's answer; `current` when nothing changes.

    A payment is only ever completed with exactly its own amount; a contradiction is `disputed`, never repaired here.
    A reference that the rail does not know after the grace never arrived: it failed, and is not sent again.
    """
    if answer.status is RailStatus.NOT_FOUND and current is not Status.COMPLETED and waited < NOT_FOUND_GRACE:
        return current
    following = _FOLLOWING.get((answer.status, current), current)
    differs = answer.amount is not None and (answer.amount != amount or answer.currency != currency)
    if differs and following is not current and following is not Status.FAILED:
        return Status.DISPUTED
    return following
