"""The applicant appeals against a rejection; someone else of the board decides, not the one who rejected."""

from typing import Literal
from uuid import UUID

from applications.domain.application import Application, Status
from applications.domain.decision import Appeal, require_appeal_in_time
from applications.domain.refusals import IllegalStateError, NotFoundError, RecusedError, SamePersonError
from applications.use_cases.board_access import Viewer, view_as_board
from applications.use_cases.ports import Desk
from chassis.ids import new_id


async def open_appeal(desk: Desk, application: Application, reason: str, *, window_days: int) -> Appeal:
    """The application must be locked.

    Raises:
        IllegalStateError: not rejected.
        AppealWindowClosedError, AppealExistsError
    """
    application.require(Status.REJECTED)
    decision = await desk.decisions.find_last(application)
    if decision is None:
        raise NotFoundError
    require_appeal_in_time(decision.decided_at, desk.now, window_days)
    appeal = Appeal(new_id(), application.id, decision.id, reason, desk.now)
    await desk.appeals.add(application, appeal)
    await desk.applications.note(application, "appeal_opened", reason)
    desk.announce.appeal_opened(application, appeal)
    return appeal


async def decide_appeal(
    desk: Desk, appeal_id: UUID, viewer: Viewer, outcome: Literal["upheld", "dismissed"], reason: str
) -> Appeal:
    """Upheld: the application is under review again.

    Raises:
        NotFoundError, ForbiddenError, RecusedError, SamePersonError
        IllegalStateError: it was decided before; or upheld, and the person has been erased.
        ApplicationExistsError: upheld, but the person has applied again meanwhile.
    """
    application_id = await desk.appeals.find_application_id(appeal_id)
    if application_id is None:
        raise NotFoundError
    view = await view_as_board(desk, application_id, viewer, locked=True)
    seat = view.require_seat()
    application = view.application
    if seat.user_id in await desk.reviews.recused(application.id):
        raise RecusedError
    appeal = next(each for each in await desk.appeals.of(application) if each.id == appeal_id)
    decision = await desk.decisions.find_last(application)
    if decision is not None and decision.decider_id == seat.user_id:
        raise SamePersonError("Whoever decided does not decide the appeal.")
    if appeal.outcome is not None or decision is None or decision.id != appeal.decision_id:
        raise IllegalStateError(appeal.state)
    if outcome == "upheld" and await desk.applications.is_erased(application.user_id):
        # Nothing of theirs could be scored or decided again, and nobody is left to withdraw it.
        raise IllegalStateError(application.status, "The applicant has been erased: the appeal can only be dismissed.")
    appeal.outcome, appeal.outcome_reason = outcome, reason
    appeal.decided_by, appeal.decided_at = seat.user_id, desk.now
    await desk.appeals.save(application, appeal)
    if outcome == "upheld":
        application.uphold_appeal()
        await desk.decisions.settle(decision.id, "overturned")
        await desk.applications.save(application, "appeal_upheld", reason)
    else:
        await desk.applications.note(application, "appeal_dismissed", reason)
    desk.announce.appeal_decided(application, appeal)
    return appeal
