"""An executive declares a conflict of interest: they neither score nor decide here, and their review stops counting."""

from uuid import UUID

from applications.use_cases.board_access import Viewer, view_as_board
from applications.use_cases.ports import Desk


async def recuse(desk: Desk, application_id: UUID, viewer: Viewer, reason: str) -> None:
    """Declaring it again changes nothing.

    Raises:
        NotFoundError
        ForbiddenError: an admin.
        IllegalStateError: not under review.
    """
    view = await view_as_board(desk, application_id, viewer, locked=True)
    seat = view.require_seat()
    view.application.require_under_review()
    if await desk.reviews.recuse(view.application, seat, reason):
        desk.announce.executive_recused(view.application, seat)
