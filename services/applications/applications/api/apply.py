"""A member applies to a programme."""

from uuid import UUID

from fastapi import APIRouter, Response

from applications.api.answers import ApplicationAnswer, application_answer
from applications.api.bodies import ApplyBody
from applications.api.dependencies import DeskDependency, WiringDependency
from applications.domain.refusals import ForbiddenError
from applications.use_cases.apply import apply
from applications.use_cases.show_application import show
from chassis.api.callers import AuthenticatedCaller
from chassis.api.preconditions import version_etag
from chassis.api.routing import UnitOfWorkRoute

router = APIRouter(prefix="/api/v1/programs", tags=["applications"], route_class=UnitOfWorkRoute)


@router.post("/{program_id}/apply/", status_code=201)
async def begin(
    program_id: UUID,
    *,
    body: ApplyBody,
    caller: AuthenticatedCaller,
    desk: DeskDependency,
    wired: WiringDependency,
    response: Response,
) -> ApplicationAnswer:
    """Begin an application to an open programme: a draft that is saved as it is written."""
    if caller.role != "member":
        raise ForbiddenError("Members apply; whoever reviews or administers does not.")
    application = await apply(desk, program_id, caller.user_id, body.answers)
    [shown] = await show(desk, [application], appeal_window_days=wired.settings.appeal_window_days)
    response.headers["ETag"] = version_etag(application.version)
    return await application_answer(wired, shown)
