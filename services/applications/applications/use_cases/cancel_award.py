"""What is unpaid of an award goes back to the programme."""

from uuid import UUID

from applications.domain.award import Award
from applications.domain.decision import require_decider
from applications.domain.refusals import NotFoundError
from applications.use_cases.board_access import Viewer, panel_of, view_as_board
from applications.use_cases.ports import Desk


async def cancel_award(desk: Desk, award_id: UUID, viewer: Viewer, reason: str) -> Award:
    """An admin or whoever decides for the board. Requests nobody has decided are refused with it.

    Raises:
        NotFoundError, NotTheDeciderError
        IllegalStateError: nothing is committed, or a payment is under way.
    """
    application_id = await desk.awards.find_application_id(award_id)
    if application_id is None:
        raise NotFoundError
    view = await view_as_board(desk, application_id, viewer, locked=True)
    application = view.application
    if view.seat is not None:
        panel = await panel_of(desk, application)
        require_decider(view.seat, panel.board, panel.counting, panel.excluded)
    award = await desk.awards.find(award_id)
    if award is None:
        raise NotFoundError
    unpaid = award.cancel()
    kept = None if await desk.applications.is_erased(application.user_id) else reason
    for request in await desk.disbursements.open_of(award.id):
        request.decide("refused", viewer.user_id, desk.now, kept)
        await desk.disbursements.save(request)
        desk.announce.disbursement_refused(application, request, viewer.user_id)
    await desk.awards.save(award)
    await desk.awards.explain_cancellation(application, award, viewer.user_id, reason)
    await desk.applications.save(application, "award_cancelled")
    desk.announce.award_cancelled(application, award, viewer.user_id, unpaid)
    return award
