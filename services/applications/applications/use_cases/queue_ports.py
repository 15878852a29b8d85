"""What the board's side reads across many applications: queues, figures, how reviewers compare."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from applications.domain.application import Status


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """`board_of`: only programmes on whose board this user sits; None for admins."""

    viewer_id: UUID
    board_of: UUID | None
    program_id: UUID | None = None
    status: Status | None = None
    scored_by_me: bool | None = None
    flagged: bool | None = None


@dataclass(frozen=True, slots=True)
class QueueItem:
    """A line of the queue. `reviews`: how many there are, counted or not."""

    id: UUID
    program_id: UUID
    user_id: UUID
    status: str
    submitted_at: datetime | None
    updated_at: datetime
    final_score: Decimal | None
    reviews: int
    scored_by_me: bool
    flagged: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """What a dashboard starts with."""

    queue_sizes: Mapping[str, int]
    my_pending_reviews: int
    decisions_today: int
    flagged_interviews: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """One reviewer in one programme: the mean of their totals and their standard deviation."""

    reviewer_id: UUID
    executive_id: UUID
    reviews: int
    mean: Decimal
    spread: Decimal


class Queue(Protocol):
    async def page(self, wanted: QueueFilter, before: UUID | None, limit: int) -> Sequence[QueueItem]:
        """Newest first, `limit + 1` of them at most."""
        ...

    async def figures(self, viewer_id: UUID, board_of: UUID | None) -> Figures: ...
    async def calibration(self, program_id: UUID) -> list[Calibration]: ...
