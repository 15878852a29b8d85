"""Who may see an application as the board does: executives of that board and admins; for others it is not there."""

from dataclasses import dataclass
from uuid import UUID

from applications.domain.application import Application
from applications.domain.decision import Decision
from applications.domain.program import Seat
from applications.domain.refusals import ForbiddenError, IllegalStateError, NotFoundError, RecusedError
from applications.domain.review import Review, counted
from applications.use_cases.ports import Desk


@dataclass(frozen=True, slots=True)
class Viewer:
    """A caller, as far as the board's side cares."""

    user_id: UUID
    is_admin: bool
    is_executive: bool

    @property
    def board_of(self) -> UUID | None:
        """Whose boards' programmes are shown: one's own; None, all of them, for admins."""
        return None if self.is_admin else self.user_id

    def require_board_side(self) -> None:
        """Raises ForbiddenError."""
        if not (self.is_admin or self.is_executive):
            raise ForbiddenError("This needs the role executive or admin.")

    def require_admin(self) -> None:
        """Raises ForbiddenError."""
        if not self.is_admin:
            raise ForbiddenError("This needs the role admin.")


@dataclass(slots=True)
class BoardView:
    """An application as seen from the board's side; `seat` is None for an admin."""

    application: Application
    seat: Seat | None

    def require_seat(self) -> Seat:
        """Admins read, but neither score nor decide. Raises ForbiddenError."""
        if self.seat is None:
            raise ForbiddenError("Only executives of this programme's board may do that.")
        return self.seat


@dataclass(slots=True)
class Panel:
    """The board in session on one application: who sits, who is excluded, whose reviews count."""

    board: list[Seat]
    excluded: set[UUID]
    recused: set[UUID]
    reviews: list[Review]
    counting: list[Review]


async def view_as_board(
    desk: Desk, application_id: UUID, viewer: Viewer, *, locked: bool = False, own: bool = False
) -> BoardView:
    """The application, when the viewer may see it from this side.

    Executives see what was submitted to their board. Nobody looks at their own application from here, unless `own`
    (so that a payee who asks for money is told why not).

    Raises:
        NotFoundError
    """
    if locked:
        application = await desk.applications.get_locked(application_id)
    else:
        found = await desk.applications.find(application_id)
        if found is None:
            raise NotFoundError
        application = found
    if application.user_id == viewer.user_id and not (own and viewer.is_admin):
        raise NotFoundError
    if viewer.is_admin:
        return BoardView(application, None)
    seat = None
    if viewer.is_executive and application.submitted_at is not None:
        seat = await desk.programs.find_seat(application.program_id, viewer.user_id)
    if seat is None:
        raise NotFoundError
    return BoardView(application, seat)


async def panel_of(desk: Desk, application: Application) -> Panel:
    """The board as it is now, and its reviews of this application."""
    board = await desk.programs.seats(application.program_id)
    recused = await desk.reviews.recused(application.id)
    lapsed = await desk.reviews.no_executives({seat.user_id for seat in board})
    excluded = recused | lapsed | {application.user_id}
    reviews = await desk.reviews.of(application)
    return Panel(board, excluded, recused, reviews, counted(reviews, board, excluded))


async def require_in_session(desk: Desk, view: BoardView) -> Seat:
    """The seat of a viewer who may score or decide now.

    Raises:
        ForbiddenError: an admin. RecusedError.
        IllegalStateError: not under review, or an award is being reserved.
    """
    seat = view.require_seat()
    if seat.user_id in await desk.reviews.recused(view.application.id):
        raise RecusedError
    view.application.require_under_review()
    last = await desk.decisions.find_last(view.application)
    if is_reserving(last):
        raise IllegalStateError("reserving", "The board has decided; the money is being reserved.")
    return seat


def is_reserving(decision: Decision | None) -> bool:
    """Whether an approval waits for the ledger."""
    return decision is not None and decision.state == "reserving"
