"""Queues and figures for boards, in SQL."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, exists, func, select

from applications.adapters.tables import (
    applications,
    board_seats,
    decisions,
    interview_findings,
    interview_messages,
    interviews,
    recusals,
    reviews,
)
from applications.use_cases.queue_ports import Calibration, Figures, QueueFilter, QueueItem
from chassis.database import UnitOfWork

# "Today" on a dashboard is the day of those who look at it (01-product: first for Nigeria).
DASHBOARD_ZONE: Final = ZoneInfo("Africa/Lagos")


def _flagged() -> ColumnElement[bool]:
    return exists().where(
        interviews.c.application_id == applications.c.id,
        interview_messages.c.interview_id == interviews.c.id,
        interview_findings.c.message_id == interview_messages.c.id,
        interview_findings.c.flagged_for_review,
    )


def _reviewed_by(user_id: UUID) -> ColumnElement[bool]:
    return exists().where(reviews.c.application_id == applications.c.id, reviews.c.reviewer_id == user_id)


def _visible(board_of: UUID | None, viewer_id: UUID) -> list[ColumnElement[bool]]:
    """Admins see all; executives what was submitted to a board they sit on; nobody their own from here."""
    conditions: list[ColumnElement[bool]] = [applications.c.user_id != viewer_id]
    if board_of is not None:
        seats = select(board_seats.c.program_id).where(
            board_seats.c.user_id == board_of, board_seats.c.left_at.is_(None)
        )
        conditions += [applications.c.submitted_at.is_not(None), applications.c.program_id.in_(seats)]
    return conditions


class ReviewQueue:
    """Keeps the promises of `use_cases.queue_ports.Queue`."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._connection = work.connection

    async def page(self, wanted: QueueFilter, before: UUID | None, limit: int) -> Sequence[QueueItem]:
        count = select(func.count()).where(reviews.c.application_id == applications.c.id).scalar_subquery()
        columns = applications.c
        statement = select(
            columns.id,
            columns.program_id,
            columns.user_id,
            columns.status,
            columns.submitted_at,
            columns.updated_at,
            columns.final_score,
            count.label("reviews"),
            _reviewed_by(wanted.viewer_id).label("scored_by_me"),
            _flagged().label("flagged"),
        ).where(*_visible(wanted.board_of, wanted.viewer_id))
        if wanted.program_id is not None:
            statement = statement.where(columns.program_id == wanted.program_id)
        if wanted.status is not None:
            statement = statement.where(columns.status == wanted.status.value)
        if wanted.scored_by_me is not None:
            statement = statement.where(_reviewed_by(wanted.viewer_id) == wanted.scored_by_me)
        if wanted.flagged is not None:
            statement = statement.where(_flagged() == wanted.flagged)
        if before is not None:
            statement = statement.where(columns.id < before)
        rows = await self._connection.execute(statement.order_by(columns.id.desc()).limit(limit + 1))
        return [QueueItem(**row._mapping) for row in rows]  # noqa: SLF001 -- SQLAlchemy's public name for a row as a mapping

    async def figures(self, viewer_id: UUID, board_of: UUID | None) -> Figures:
        visible = _visible(board_of, viewer_id)
        sizes = (
            select(applications.c.status, func.count().label("applications"))
            .where(*visible)
            .group_by(applications.c.status)
        )
        under_review = applications.c.status == "under_review"
        pending = 0
        if board_of is not None:
            recused = exists().where(recusals.c.application_id == applications.c.id, recusals.c.user_id == viewer_id)
            pending = await self._count(applications, *visible, under_review, ~_reviewed_by(viewer_id), ~recused)
        start = self._work.now.astimezone(DASHBOARD_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
        today = decisions.c.decided_at.between(start, start + timedelta(days=1))
        # An approval that waits for the ledger, or came back, is none (yet).
        stands = decisions.c.state.in_(("confirmed", "overturned"))
        decided = await self._count(
            applications.join(decisions, decisions.c.application_id == applications.c.id), *visible, today, stands
        )
        return Figures(
            queue_sizes={row.status: row.applications for row in await self._connection.execute(sizes)},
            my_pending_reviews=pending,
            decisions_today=decided,
            flagged_interviews=await self._count(applications, *visible, under_review, _flagged()),
        )

    async def _count(self, source: Any, *conditions: ColumnElement[bool]) -> int:
        return int(await self._connection.scalar(select(func.count()).select_from(source).where(*conditions)) or 0)

    async def calibration(self, program_id: UUID) -> list[Calibration]:
        mean, spread = func.avg(reviews.c.total_score), func.stddev_pop(reviews.c.total_score)
        statement = (
            select(reviews.c.reviewer_id, board_seats.c.executive_id, func.count(), mean, spread)
            .join(board_seats, board_seats.c.executive_id == reviews.c.executive_id)
            .where(board_seats.c.program_id == program_id)
            .group_by(reviews.c.reviewer_id, board_seats.c.executive_id)
            .order_by(board_seats.c.executive_id)
        )
        cent = Decimal("0.01")
        return [
            Calibration(reviewer, seat, count, Decimal(average).quantize(cent), Decimal(deviation).quantize(cent))
            for reviewer, seat, count, average, deviation in await self._connection.execute(statement)
        ]
