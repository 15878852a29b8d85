"""The bodies of answers to boards and admins (09-bodies)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from applications.api.answers import AppealAnswer, ApplicationAnswer, AwardAnswer
from applications.domain.decision import Decision
from applications.domain.review import Review
from applications.use_cases.queue_ports import QueueItem
from chassis.api.values import Answer


class RecordedReviewAnswer(Answer):
    id: UUID
    executive_id: UUID
    total_score: str
    revision: int
    reviewed_at: datetime


class ReviewAnswer(RecordedReviewAnswer):
    """`counted`: by someone who sits on the board now, without a conflict of interest."""

    reviewer_id: UUID
    scores: dict[UUID, str]
    notes: str
    recommendation: str
    counted: bool


class QuorumAnswer(Answer):
    needed: int
    have: int


class DecisionAnswer(Answer):
    id: UUID
    outcome: str
    state: str
    refusal_code: str | None
    decider_id: UUID
    executive_id: UUID
    reason: str
    final_score: str
    reviews: int
    decided_at: datetime


class BoardApplicationAnswer(ApplicationAnswer):
    """An application with all that the board needs to decide."""

    reviews: list[ReviewAnswer]
    quorum: QuorumAnswer
    interview: dict[str, Any] | None
    decision: DecisionAnswer | None
    appeals: list[AppealAnswer]
    recused: list[UUID]


class QueueItemAnswer(Answer):
    id: UUID
    program_id: UUID
    user_id: UUID
    status: str
    submitted_at: datetime | None
    updated_at: datetime
    final_score: str | None
    reviews: int
    scored_by_me: bool
    flagged: bool


class StateAnswer(Answer):
    id: UUID
    state: str


class ProposedAnswer(Answer):
    """Until the ledger has reserved the money, nobody but the board is told."""

    application_id: UUID
    status: str
    decision: StateAnswer
    award: AwardAnswer


class RejectedAnswer(Answer):
    application_id: UUID
    status: str
    decision: StateAnswer


class RecusalAnswer(Answer):
    application_id: UUID
    recused: bool = True


class FiguresAnswer(Answer):
    queue_sizes: dict[str, int]
    my_pending_reviews: int
    decisions_today: int
    flagged_interviews: int
    at: datetime


class ReviewerAnswer(Answer):
    reviewer_id: UUID
    executive_id: UUID
    reviews: int
    mean: str
    spread: str


class CalibrationAnswer(Answer):
    program_id: UUID
    reviewers: list[ReviewerAnswer]


def review_answer(review: Review, *, counted: bool) -> ReviewAnswer:
    return ReviewAnswer(
        id=review.id,
        executive_id=review.executive_id,
        reviewer_id=review.reviewer_id,
        revision=review.revision,
        scores={criterion_id: f"{score.normalize():f}" for criterion_id, score in review.scores.items()},
        total_score=f"{review.total_score:.2f}",
        notes=review.notes,
        recommendation=review.recommendation,
        counted=counted,
        reviewed_at=review.reviewed_at,
    )


def decision_answer(decision: Decision) -> DecisionAnswer:
    return DecisionAnswer(
        id=decision.id,
        outcome=decision.outcome,
        state=decision.state,
        refusal_code=decision.refusal_code,
        decider_id=decision.decider_id,
        executive_id=decision.executive_id,
        reason=decision.reason,
        final_score=f"{decision.final_score:.2f}",
        reviews=decision.reviews,
        decided_at=decision.decided_at,
    )


def queue_item_answer(item: QueueItem) -> QueueItemAnswer:
    return QueueItemAnswer(
        id=item.id,
        program_id=item.program_id,
        user_id=item.user_id,
        status=item.status,
        submitted_at=item.submitted_at,
        updated_at=item.updated_at,
        final_score=None if item.final_score is None else f"{item.final_score:.2f}",
        reviews=item.reviews,
        scored_by_me=item.scored_by_me,
        flagged=item.flagged,
    )
