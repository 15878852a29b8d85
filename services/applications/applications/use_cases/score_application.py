"""An executive scores an application; scoring again revises the same review."""

from decimal import Decimal
from uuid import UUID

from applications.domain.refusals import FieldRefusalError
from applications.domain.review import Recommendation, Review, total_of
from applications.use_cases.board_access import Viewer, panel_of, require_in_session, view_as_board
from applications.use_cases.ports import Desk
from chassis.ids import new_id


async def score_application(
    desk: Desk,
    application_id: UUID,
    viewer: Viewer,
    *,
    scores: dict[UUID, Decimal],
    notes: str,
    recommendation: Recommendation,
) -> Review:
    """Raises NotFoundError, ForbiddenError, RecusedError, IllegalStateError, FieldRefusalError."""
    view = await view_as_board(desk, application_id, viewer, locked=True)
    seat = await require_in_session(desk, view)
    application = view.application
    program = await desk.programs.find(application.program_id)
    if program is None or not program.criteria:
        raise FieldRefusalError([("scores", "no_criteria", "the programme has no criteria")])
    total = total_of(program.criteria, scores)
    before = next((each for each in await desk.reviews.of(application) if each.reviewer_id == seat.user_id), None)
    review = Review(
        id=before.id if before else new_id(),
        application_id=application.id,
        executive_id=seat.executive_id,
        reviewer_id=seat.user_id,
        revision=before.revision + 1 if before else 1,
        scores=scores,
        total_score=total,
        notes=notes,
        recommendation=recommendation,
        reviewed_at=desk.now,
    )
    await desk.reviews.save(application, review)
    panel = await panel_of(desk, application)
    desk.announce.review_recorded(application, review, len(panel.counting))
    return review
