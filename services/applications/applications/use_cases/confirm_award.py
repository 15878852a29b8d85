"""The ledger has answered: the award is committed and the application approved, or the decision goes back."""

from uuid import UUID

from applications.domain.application import Application, Status
from applications.domain.award import Award
from applications.domain.refusals import NotFoundError
from applications.use_cases.decide_application import get_submission_sha256
from applications.use_cases.ports import Desk


async def _reserving(desk: Desk, application_id: UUID, award_id: UUID) -> tuple[Application, Award] | None:
    application = await desk.applications.get_locked(application_id)
    award = await desk.awards.find(award_id)
    if award is None:
        raise NotFoundError
    return (application, award) if award.state == "reserving" else None


async def confirm_award(desk: Desk, application_id: UUID, award_id: UUID) -> None:
    """The money is reserved. An applicant who withdrew meanwhile gets none: it is given back at once.

    Raises:
        NotFoundError: neither is known here.
    """
    found = await _reserving(desk, application_id, award_id)
    if found is None:
        return
    application, award = found
    award.commit()
    decision = await desk.decisions.find_last(application)
    if application.status is not Status.UNDER_REVIEW or decision is None or decision.id != award.decision_id:
        unpaid = award.cancel()
        await desk.awards.save(award)
        await desk.awards.explain_cancellation(application, award, application.user_id, "withdrawn")
        desk.announce.award_cancelled(application, award, application.user_id, unpaid)
        return
    await desk.awards.save(award)
    await desk.decisions.settle(decision.id, "confirmed")
    application.approve(desk.now, decision.final_score)
    sha256 = await get_submission_sha256(desk, application)
    application.decision_event_id = desk.announce.approved(application, decision, award, sha256)
    await desk.applications.save(application, "application_approved")


async def refuse_award(desk: Desk, application_id: UUID, award_id: UUID, code: str) -> None:
    """The money cannot be reserved: the application stays under review, the board sees why.

    Raises:
        NotFoundError: neither is known here.
    """
    found = await _reserving(desk, application_id, award_id)
    if found is None:
        return
    application, award = found
    award.refuse(code)
    await desk.awards.save(award)
    decision = await desk.decisions.find_last(application)
    if decision is not None and decision.id == award.decision_id and decision.state == "reserving":
        await desk.decisions.settle(decision.id, "refused", code)
