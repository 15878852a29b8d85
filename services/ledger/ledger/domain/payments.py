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
# Answers are asked for again after 1, 2, 4, ... seconds, never more rarely than this.
ASK_PAUSE_MAX: Final = timedelta(minutes=5)
# What is settled is asked about for days, in case the money comes back: ever more rarely, up to this.
WATCH_PAUSE_MAX: Final = timedelta(hours=6)

# Why a payment is disputed: each is an error state of its own, with its own code.
AMOUNT_DIFFERS: Final = "amount_differs"
SECOND_DEBIT: Final = "second_debit"
REVERSAL_WITHOUT_PAYMENT: Final = "reversal_without_payment"
PAID_AFTER_FAILURE: Final = "paid_after_failure"
PAID_AFTER_REVERSAL: Final = "paid_after_reversal"
FAILED_AFTER_COMPLETION: Final = "failed_after_completion"
UNKNOWN_TO_RAIL: Final = "unknown_to_rail"
NO_ANSWER: Final = "no_answer"

NOT_RECEIVED_BY_RAIL: Final = "not_received_by_rail"


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


@dataclass(frozen=True, slots=True)
class Ruling:
    """The state that follows from an answer, and why."""

    status: Status
    code: str | None = None


def pause_before_asking(asked: int, pause_max: timedelta = ASK_PAUSE_MAX) -> timedelta:
    return min(timedelta(seconds=2.0 ** min(asked, 20)), pause_max)


_S = Status
# What follows from what the rail says while we are in a state; where nothing is written, nothing changes: an old answer
# never moves a state back.
_FOLLOWING: Final[Mapping[tuple[RailStatus, Status], Ruling]] = {
    (RailStatus.PAID, _S.SUBMITTED): Ruling(_S.COMPLETED),
    (RailStatus.PAID, _S.UNKNOWN): Ruling(_S.COMPLETED),
    (RailStatus.PAID, _S.FAILED): Ruling(_S.DISPUTED, PAID_AFTER_FAILURE),
    (RailStatus.PAID, _S.REVERSED): Ruling(_S.DISPUTED, PAID_AFTER_REVERSAL),
    (RailStatus.FAILED, _S.SUBMITTED): Ruling(_S.FAILED),
    (RailStatus.FAILED, _S.UNKNOWN): Ruling(_S.FAILED),
    (RailStatus.FAILED, _S.COMPLETED): Ruling(_S.DISPUTED, FAILED_AFTER_COMPLETION),
    # A return of what we have not yet seen paid: the payment is booked first, its return at the next answer.
    (RailStatus.REVERSED, _S.SUBMITTED): Ruling(_S.COMPLETED),
    (RailStatus.REVERSED, _S.UNKNOWN): Ruling(_S.COMPLETED),
    (RailStatus.REVERSED, _S.COMPLETED): Ruling(_S.REVERSED),
    (RailStatus.REVERSED, _S.FAILED): Ruling(_S.DISPUTED, REVERSAL_WITHOUT_PAYMENT),
    (RailStatus.NOT_FOUND, _S.SUBMITTED): Ruling(_S.FAILED, NOT_RECEIVED_BY_RAIL),
    (RailStatus.NOT_FOUND, _S.UNKNOWN): Ruling(_S.FAILED, NOT_RECEIVED_BY_RAIL),
    (RailStatus.NOT_FOUND, _S.COMPLETED): Ruling(_S.DISPUTED, UNKNOWN_TO_RAIL),
}


def questions_within(span: timedelta) -> int:
    """The number of the first question that is asked so long after the call, one pause after the other."""
    number, waited = 1, pause_before_asking(0)
    while waited < span:
        waited += pause_before_asking(number - 1)
        number += 1
    return number


def is_lost(waited: timedelta, asked: int, lost_after: timedelta) -> bool:
    """Whether a reference that the rail does not know never reached it, and no longer can.

    Asked about as often as it takes that long to ask, too. Pauses take their time by any clock: one that jumps ahead,
    or another worker's that is wrong, does not turn a payment under way into one that never arrived, to be paid again.
    """
    return waited >= lost_after and asked >= questions_within(lost_after)


def outcome(current: Status, answer: RailAnswer, amount: Decimal, currency: str, *, lost: bool) -> Ruling:
    """What follows from a rail's answer; `current` when nothing changes.

    A payment is only ever completed with exactly its own amount; a contradiction is `disputed`, never repaired here.
    A reference that the rail does not know failed only once it is `lost`, and is not sent again even then.
    """
    unchanged = Ruling(current)
    if answer.status is RailStatus.NOT_FOUND and current is not Status.COMPLETED and not lost:
        return unchanged
    following = _FOLLOWING.get((answer.status, current), unchanged)
    differs = answer.amount is not None and (answer.amount != amount or answer.currency != currency)
    if differs and following.status not in {current, Status.FAILED, Status.DISPUTED}:
        return Ruling(Status.DISPUTED, AMOUNT_DIFFERS)
    return Ruling(following.status, following.code or answer.code)
