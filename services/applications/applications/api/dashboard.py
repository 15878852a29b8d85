"""Figures for boards and admins: the dashboard's snapshot, and how reviewers compare."""

from uuid import UUID

from fastapi import APIRouter

from applications.api.board_answers import CalibrationAnswer, FiguresAnswer, ReviewerAnswer
from applications.api.dependencies import DeskDependency, ViewerDependency
from applications.domain.refusals import NotFoundError
from chassis.api.routing import UnitOfWorkRoute

router = APIRouter(prefix="/api/v1/executive", tags=["executive"], route_class=UnitOfWorkRoute)


@router.get("/dashboard/")
async def dashboard(viewer: ViewerDependency, desk: DeskDependency) -> FiguresAnswer:
    """What the dashboard's socket starts with."""
    viewer.require_board_side()
    figures = await desk.queue.figures(viewer.user_id, viewer.board_of)
    return FiguresAnswer(
        queue_sizes=dict(figures.queue_sizes),
        my_pending_reviews=figures.my_pending_reviews,
        decisions_today=figures.decisions_today,
        flagged_interviews=figures.flagged_interviews,
        at=desk.now,
    )


@router.get("/programs/{program_id}/calibration/")
async def calibration(program_id: UUID, viewer: ViewerDependency, desk: DeskDependency) -> CalibrationAnswer:
    """Each reviewer's mean and spread; for the programme's board and admins."""
    known = await desk.programs.find(program_id) is not None
    seated = viewer.is_executive and await desk.programs.find_seat(program_id, viewer.user_id) is not None
    if not known or not (viewer.is_admin or seated):
        raise NotFoundError
    reviewers = [
        ReviewerAnswer(
            reviewer_id=each.reviewer_id,
            executive_id=each.executive_id,
            reviews=each.reviews,
            mean=f"{each.mean:.2f}",
            spread=f"{each.spread:.2f}",
        )
        for each in await desk.queue.calibration(program_id)
    ]
    return CalibrationAnswer(program_id=program_id, reviewers=reviewers)
