"""The application: its states, and the only moves between them."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from applications.domain.refusals import IllegalStateError


class Status(StrEnum):
    """Where an application is (01-product)."""

    DRAFT = "draft"
    VIDEO_PENDING = "video_pending"
    AI_INTERVIEW_PENDING = "ai_interview_pending"
    AI_INTERVIEW_COMPLETED = "ai_interview_completed"
    UNDER_REVIEW = "under_review"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


# The only moves there are; everything else is `illegal_state`.
MOVES: Final[dict[Status, frozenset[Status]]] = {
    Status.DRAFT: frozenset({Status.VIDEO_PENDING, Status.WITHDRAWN}),
    Status.VIDEO_PENDING: frozenset({Status.AI_INTERVIEW_PENDING, Status.DRAFT, Status.WITHDRAWN}),
    Status.AI_INTERVIEW_PENDING: frozenset({Status.AI_INTERVIEW_COMPLETED, Status.DRAFT, Status.WITHDRAWN}),
    Status.AI_INTERVIEW_COMPLETED: frozenset({Status.UNDER_REVIEW, Status.WITHDRAWN}),
    Status.UNDER_REVIEW: frozenset({Status.APPROVED, Status.REJECTED, Status.WITHDRAWN}),
    Status.APPROVED: frozenset(),
    Status.REJECTED: frozenset({Status.UNDER_REVIEW}),
    Status.WITHDRAWN: frozenset(),
}
# Not live: these leave room for another application of the same person to the same programme.
ENDED: Final = frozenset({Status.WITHDRAWN, Status.REJECTED})


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """Something that happened to an application, and its status since."""

    event: str
    status: str
    at: datetime
    reason: str | None


@dataclass(slots=True)
class Application:
    """One person's application to one programme. `version` counts what its readers can see changing."""

    id: UUID
    program_id: UUID
    user_id: UUID
    status: Status
    version: int
    answers: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    interview_started_at: datetime | None = None
    submitted_at: datetime | None = None
    reviewed_at: datetime | None = None
    approved_at: datetime | None = None
    final_score: Decimal | None = None
    decision_event_id: UUID | None = None
    blockchain_hash: str | None = None

    def edit_answers(self, answers: dict[str, Any]) -> None:
        """Replace the answers of a draft."""
        self.require(Status.DRAFT)
        self.answers = answers

    def require(self, *allowed: Status) -> None:
        """Refuse with `IllegalStateError` in any other state."""
        if self.status not in allowed:
            raise IllegalStateError(self.status)

    def require_under_review(self) -> None:
        """Raises IllegalStateError."""
        self.require(Status.UNDER_REVIEW)

    def attach_video(self) -> None:
        """A video is coming: a draft is frozen by this; in `video_pending` a refused or slow one is replaced."""
        if self.status is not Status.VIDEO_PENDING:
            self._move(Status.VIDEO_PENDING)

    def video_ready(self) -> bool:
        """The video can be watched; True when that moved the application (a reopened draft keeps its video)."""
        if self.status is not Status.VIDEO_PENDING:
            return False
        self._move(Status.AI_INTERVIEW_PENDING)
        return True

    def start_interview(self, now: datetime) -> None:
        """The first question is asked; from here on there is no way back to the draft."""
        self.require(Status.AI_INTERVIEW_PENDING)
        if self.interview_started_at is not None:
            raise IllegalStateError(self.status, "The interview has begun already.")
        self.interview_started_at = now

    def answer_interview(self) -> None:
        """Refuse an answer unless the interview is under way."""
        self.require(Status.AI_INTERVIEW_PENDING)
        if self.interview_started_at is None:
            raise IllegalStateError(self.status, "The interview has not begun.")

    def complete_interview(self) -> None:
        """The last answer was given."""
        self.answer_interview()
        self._move(Status.AI_INTERVIEW_COMPLETED)

    def submit(self, now: datetime) -> None:
        self._move(Status.UNDER_REVIEW, only_from=Status.AI_INTERVIEW_COMPLETED)
        self.submitted_at = now

    def reopen(self) -> None:
        """Back to the draft; the video stays; not once the interview has begun."""
        if self.interview_started_at is not None and self.status is Status.AI_INTERVIEW_PENDING:
            raise IllegalStateError(self.status, "The interview has begun: the answers stay as they are.")
        self._move(Status.DRAFT)

    def withdraw(self) -> None:
        self._move(Status.WITHDRAWN)

    def approve(self, now: datetime, final_score: Decimal) -> None:
        """The money is reserved: only now is it approved."""
        self._move(Status.APPROVED)
        self.reviewed_at = self.approved_at = now
        self.final_score = final_score

    def reject(self, now: datetime, final_score: Decimal) -> None:
        self._move(Status.REJECTED)
        self.reviewed_at = now
        self.final_score = final_score

    def uphold_appeal(self) -> None:
        """Reviewed again: what the overturned decision fixed is open once more."""
        self._move(Status.UNDER_REVIEW, only_from=Status.REJECTED)
        self.reviewed_at = self.final_score = self.decision_event_id = self.blockchain_hash = None

    def _move(self, following: Status, *, only_from: Status | None = None) -> None:
        if following not in MOVES[self.status] or (only_from is not None and self.status is not only_from):
            raise IllegalStateError(self.status)
        self.status = following
