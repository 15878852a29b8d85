"""An applicant's own applications."""

from uuid import UUID

from fastapi import APIRouter, Response

from applications.api.answers import (
    AppealAnswer,
    ApplicationAnswer,
    StatusAnswer,
    TimelineAnswer,
    TimelineEntryAnswer,
    application_answer,
)
from applications.api.bodies import DraftBody, OptionalReason
from applications.api.dependencies import DeskDependency, Wiring, WiringDependency
from applications.domain.application import Application
from applications.domain.decision import Appeal
from applications.use_cases.appeal import open_appeal
from applications.use_cases.ports import Desk
from applications.use_cases.reopen import reopen
from applications.use_cases.save_draft import save_draft
from applications.use_cases.show_application import show
from applications.use_cases.submit import submit
from applications.use_cases.withdraw import withdraw
from chassis.api.callers import AuthenticatedCaller
from chassis.api.pages import Page, PageParameters, page_of
from chassis.api.preconditions import IfMatchHeader, version_etag
from chassis.api.routing import UnitOfWorkRoute
from chassis.api.values import Empty, Reason

router = APIRouter(prefix="/api/v1/applications", tags=["applications"], route_class=UnitOfWorkRoute)


async def _answer(desk: Desk, wired: Wiring, application: Application, response: Response) -> ApplicationAnswer:
    [shown] = await show(desk, [application], appeal_window_days=wired.settings.appeal_window_days)
    response.headers["ETag"] = version_etag(application.version)
    return await application_answer(wired, shown)


@router.get("/")
async def list_mine(
    caller: AuthenticatedCaller, desk: DeskDependency, wired: WiringDependency, query: PageParameters
) -> Page[ApplicationAnswer]:
    """My applications, newest first."""
    position = query.position(UUID)
    found = await desk.applications.page_of_owner(caller.user_id, position[0] if position else None, query.limit)
    page = page_of(found, query.limit, item=lambda each: each, key=lambda each: (each.id,))
    shown = await show(desk, page["items"], appeal_window_days=wired.settings.appeal_window_days)
    items = [await application_answer(wired, each) for each in shown]
    return Page[ApplicationAnswer](items=items, next_cursor=page["next_cursor"])


@router.get("/{application_id}/")
async def read(
    application_id: UUID, caller: AuthenticatedCaller, desk: DeskDependency, wired: WiringDependency, response: Response
) -> ApplicationAnswer:
    """One of my applications, whole."""
    application = await desk.applications.get_owned(application_id, caller.user_id)
    return await _answer(desk, wired, application, response)


@router.patch("/{application_id}/")
async def save(
    application_id: UUID,
    *,
    body: DraftBody,
    caller: AuthenticatedCaller,
    desk: DeskDependency,
    wired: WiringDependency,
    if_match: IfMatchHeader,
    response: Response,
) -> ApplicationAnswer:
    """Save the draft: the answers given replace those there were. If-Match is required."""
    application = await desk.applications.get_owned(application_id, caller.user_id, locked=True)
    if_match.require()
    if_match.check(version_etag(application.version))
    await save_draft(desk, application, body.answers)
    return await _answer(desk, wired, application, response)


@router.get("/{application_id}/status/")
async def status(
    application_id: UUID, caller: AuthenticatedCaller, desk: DeskDependency, wired: WiringDependency
) -> StatusAnswer:
    """Where it stands and what comes next."""
    application = await desk.applications.get_owned(application_id, caller.user_id)
    [shown] = await show(desk, [application], appeal_window_days=wired.settings.appeal_window_days)
    return StatusAnswer(status=application.status, next_step=shown.next_step, updated_at=application.updated_at)


@router.get("/{application_id}/timeline/")
async def timeline(application_id: UUID, caller: AuthenticatedCaller, desk: DeskDependency) -> TimelineAnswer:
    """What happened to it, oldest first."""
    application = await desk.applications.get_owned(application_id, caller.user_id)
    entries = await desk.applications.timeline(application)
    return TimelineAnswer(items=[TimelineEntryAnswer.model_validate(each) for each in entries])


@router.post("/{application_id}/submit/")
async def submit_application(
    application_id: UUID,
    *,
    body: Empty,
    caller: AuthenticatedCaller,
    desk: DeskDependency,
    wired: WiringDependency,
    response: Response,
) -> ApplicationAnswer:
    """Freeze it and hand it to the board."""
    del body
    application = await desk.applications.get_owned(application_id, caller.user_id, locked=True)
    await submit(desk, application)
    return await _answer(desk, wired, application, response)


@router.post("/{application_id}/reopen/")
async def reopen_application(
    application_id: UUID,
    *,
    body: Empty,
    caller: AuthenticatedCaller,
    desk: DeskDependency,
    wired: WiringDependency,
    response: Response,
) -> ApplicationAnswer:
    """Back to the draft; the video stays. Not once the interview has begun."""
    del body
    application = await desk.applications.get_owned(application_id, caller.user_id, locked=True)
    await reopen(desk, application)
    return await _answer(desk, wired, application, response)


@router.post("/{application_id}/withdraw/")
async def withdraw_application(
    application_id: UUID,
    *,
    body: OptionalReason,
    caller: AuthenticatedCaller,
    desk: DeskDependency,
    wired: WiringDependency,
    response: Response,
) -> ApplicationAnswer:
    """Withdraw it, in any state before the decision."""
    application = await desk.applications.get_owned(application_id, caller.user_id, locked=True)
    await withdraw(desk, application, body.reason)
    return await _answer(desk, wired, application, response)


@router.post("/{application_id}/appeal/", status_code=201)
async def appeal(
    application_id: UUID,
    body: Reason,
    caller: AuthenticatedCaller,
    desk: DeskDependency,
    wired: WiringDependency,
) -> AppealAnswer:
    """Appeal against a rejection, once and in time."""
    application = await desk.applications.get_owned(application_id, caller.user_id, locked=True)
    opened = await open_appeal(desk, application, body.reason, window_days=wired.settings.appeal_window_days)
    return appeal_answer(opened)


def appeal_answer(shown: Appeal) -> AppealAnswer:
    """The body of an appeal."""
    return AppealAnswer.model_validate(shown)
