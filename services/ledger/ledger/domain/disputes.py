"""Contradictions between a rail and the books: where the money stands by the books, and which ways out there are."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from ledger.domain.transactions import Status, TransactionType


class Outcome(StrEnum):
    """What two people found out about a disputed payment."""

    COMPLETED = "completed"
    FAILED = "failed"
    REVERSED = "reversed"

    @property
    def status(self) -> Status:
        return Status(self.value)


@dataclass(frozen=True, slots=True)
class Dispute:
    """One contradiction. `status_before` says where the books had the money when it came up."""

    dispute_id: UUID
    transaction_id: UUID
    status_before: Status
    code: str
    transaction_code: str | None
    outcome: Outcome | None = None
    proposed_by: UUID | None = None
    approved_by: UUID | None = None


class Step(StrEnum):
    """What the books do when a dispute is resolved."""

    COMPLETE = "complete"
    FAIL = "fail"
    REVERSE = "reverse"
    # The books had given the money back, and it had left after all: a new transaction takes it out again.
    CORRECT = "correct"
    CREDIT = "credit"
    # The donor's bank has taken a donation back: a refund that nobody asked for takes it out of the books.
    RETURN = "return"


_S, _O, _T = Status, Outcome, TransactionType
_ON_ITS_WAY: Final = (_S.SUBMITTED, _S.UNKNOWN)

_DISBURSEMENT: Final[Mapping[tuple[Status, Outcome], tuple[Step, ...]]] = {
    **{(status, _O.COMPLETED): (Step.COMPLETE,) for status in _ON_ITS_WAY},
    **{(status, _O.FAILED): (Step.FAIL,) for status in _ON_ITS_WAY},
    **{(status, _O.REVERSED): (Step.COMPLETE, Step.REVERSE) for status in _ON_ITS_WAY},
    (_S.COMPLETED, _O.COMPLETED): (),
    (_S.COMPLETED, _O.REVERSED): (Step.REVERSE,),
    (_S.FAILED, _O.FAILED): (),
    (_S.FAILED, _O.REVERSED): (),
    (_S.FAILED, _O.COMPLETED): (Step.CORRECT,),
    (_S.REVERSED, _O.REVERSED): (),
    (_S.REVERSED, _O.COMPLETED): (Step.CORRECT,),
}
_REFUND: Final[Mapping[tuple[Status, Outcome], tuple[Step, ...]]] = {
    **{(status, _O.COMPLETED): (Step.COMPLETE,) for status in _ON_ITS_WAY},
    **{(status, _O.FAILED): (Step.FAIL,) for status in _ON_ITS_WAY},
    (_S.COMPLETED, _O.COMPLETED): (),
    (_S.FAILED, _O.FAILED): (),
    (_S.FAILED, _O.COMPLETED): (Step.CORRECT,),
}
_DONATION: Final[Mapping[tuple[Status, Outcome], tuple[Step, ...]]] = {
    **{(status, _O.COMPLETED): (Step.CREDIT,) for status in (*_ON_ITS_WAY, _S.FAILED)},
    **{(status, _O.FAILED): () for status in (*_ON_ITS_WAY, _S.FAILED)},
    (_S.COMPLETED, _O.COMPLETED): (),
    (_S.COMPLETED, _O.REVERSED): (Step.RETURN,),
    (_S.REVERSED, _O.REVERSED): (),
}
_STEPS: Final = {_T.DISBURSEMENT: _DISBURSEMENT, _T.REFUND: _REFUND, _T.DONATION: _DONATION}


def steps(kind: TransactionType, before: Status, outcome: Outcome) -> tuple[Step, ...] | None:
    """What the books do; nothing when they stand right already. None where the outcome contradicts the books."""
    return _STEPS.get(kind, {}).get((before, outcome))


def final_status(before: Status, outcome: Outcome, taken: tuple[Step, ...]) -> Status:
    """The state a dispute ends in, as the books say it.

    What a correction took over has failed, and the correction is completed; what had failed by the books and left
    and came back at the bank has failed.
    """
    if Step.CORRECT in taken or (before is Status.FAILED and outcome is Outcome.REVERSED):
        return Status.FAILED
    return outcome.status
