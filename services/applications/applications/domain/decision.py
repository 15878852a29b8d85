"""Decisions and appeals: a named human decides, with a reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID

from applications.domain.program import Seat
from applications.domain.refusals import AppealWindowClosedError, NotTheDeciderError
from applications.domain.review import Review

DecisionState = Literal["reserving", "confirmed", "refused", "lapsed", "overturned"]


@dataclass(slots=True)
class Decision:
    """What the board decided. An approval is `reserving` until the ledger has answered."""

    id: UUID
    application_id: UUID
    outcome: Literal["approved", "rejected"]
    state: DecisionState
    decider_id: UUID
    executive_id: UUID
    reason: str
    final_score: Decimal
    reviews: int
    decided_at: datetime
    refusal_code: str | None = None


@dataclass(slots=True)
class Appeal:
    """The applicant asks for a rejection to be looked at by someone else."""

    id: UUID
    application_id: UUID
    decision_id: UUID
    reason: str
    opened_at: datetime
    outcome: Literal["upheld", "dismissed"] | None = None
    outcome_reason: str | None = None
    decided_by: UUID | None = None
    decided_at: datetime | None = None

    @property
    def state(self) -> str:
        return self.outcome or "open"


def require_decider(seat: Seat, board: Sequence[Seat], reviews: Sequence[Review], excluded: set[UUID]) -> None:
    """The chair decides; where none is left without a conflict of interest, any executive who has reviewed.

    `excluded`: users who have recused themselves or are no executives any more.

    Raises:
        NotTheDeciderError
    """
    chairs = {each.user_id for each in board if each.is_chair} - excluded
    allowed = chairs or {review.reviewer_id for review in reviews}
    if seat.user_id not in allowed:
        raise NotTheDeciderError


def require_appeal_in_time(decided_at: datetime, now: datetime, window_days: int) -> None:
    """Raises AppealWindowClosedError."""
    if now > decided_at + timedelta(days=window_days):
        raise AppealWindowClosedError(f"A decision can be appealed for {window_days} days.")
