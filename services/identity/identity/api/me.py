"""`/api/v1/auth/me/` and what else is one's own: profile, consents, sessions, NIN, export, erasure."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from chassis.api.callers import AuthenticatedCaller
from chassis.api.pages import Page, PageParameters, page_of
from chassis.api.preconditions import IfMatchHeader, version_etag
from chassis.api.routing import UnitOfWorkRoute
from chassis.refusals import NotFoundError
from identity.api.answers import ConsentAnswer, ConsentsAnswer, ErasureAnswer, SessionAnswer, StatusAnswer, UserAnswer
from identity.api.bodies import ConsentsBody, NinBody, ProfileBody
from identity.api.dependencies import DirectoryOfRequest
from identity.domain.consents import complete
from identity.domain.people import User
from identity.domain.sessions import ERASURE_GRACE
from identity.use_cases.change_profile import change_profile, record_consents, submit_nin
from identity.use_cases.erase_user import ask_for_erasure, withdraw_erasure
from identity.use_cases.export_data import export_data
from identity.use_cases.revoke_sessions import revoke_session
from identity.use_cases.verify_email import ask_for_verification

router = APIRouter(prefix="/api/v1/auth", tags=["identity"], route_class=UnitOfWorkRoute)


def _answer(user: User, response: Response) -> UserAnswer:
    response.headers["ETag"] = version_etag(user.version)
    return UserAnswer.of(user)


@router.get("/me/")
async def read_me(caller: AuthenticatedCaller, directory: DirectoryOfRequest, response: Response) -> UserAnswer:
    user = await directory.users.find(caller.user_id)
    if user is None:
        raise NotFoundError
    return _answer(user, response)


@router.patch("/me/")
async def change_me(
    body: ProfileBody,
    caller: AuthenticatedCaller,
    directory: DirectoryOfRequest,
    if_match: IfMatchHeader,
    response: Response,
) -> UserAnswer:
    user = await change_profile(
        directory, caller.user_id, body.changes(), lambda user: if_match.check(version_etag(user.version))
    )
    return _answer(user, response)


@router.delete("/me/", status_code=202)
async def erase_me(caller: AuthenticatedCaller, directory: DirectoryOfRequest) -> ErasureAnswer:
    """Ask to be forgotten: in seven days, unless withdrawn before."""
    user = await ask_for_erasure(directory, caller.user_id)
    requested_at = user.erasure_requested_at or directory.now
    return ErasureAnswer(requested_at=requested_at, erase_after=requested_at + ERASURE_GRACE)


@router.post("/me/erasure/withdraw/")
async def keep_me(caller: AuthenticatedCaller, directory: DirectoryOfRequest, response: Response) -> UserAnswer:
    """Take the request back while its grace lasts."""
    return _answer(await withdraw_erasure(directory, caller.user_id), response)


@router.get("/me/export/")
async def export_me(caller: AuthenticatedCaller, directory: DirectoryOfRequest, response: Response) -> dict[str, Any]:
    """Everything identity holds about the caller."""
    response.headers["Content-Disposition"] = 'attachment; filename="impactnet-identity.json"'
    response.headers["Cache-Control"] = "no-store"
    return await export_data(directory, caller.user_id)


@router.get("/me/consents/")
async def read_consents(caller: AuthenticatedCaller, directory: DirectoryOfRequest) -> ConsentsAnswer:
    consents = complete(await directory.consents.of(caller.user_id))
    return ConsentsAnswer(items=[ConsentAnswer.of(consent) for consent in consents])


@router.put("/me/consents/")
async def put_consents(
    body: ConsentsBody, caller: AuthenticatedCaller, directory: DirectoryOfRequest
) -> ConsentsAnswer:
    """Give or withdraw those that are named; what is public follows at once."""
    wanted = {item.consent: item.given for item in body.items}
    consents = await record_consents(directory, caller.user_id, wanted)
    return ConsentsAnswer(items=[ConsentAnswer.of(consent) for consent in consents])


@router.post("/nin/", status_code=202)
async def put_nin(body: NinBody, caller: AuthenticatedCaller, directory: DirectoryOfRequest) -> StatusAnswer:
    """Hand in a National Identification Number for verification; it is never shown again."""
    await submit_nin(directory, caller.user_id, body.nin)
    return StatusAnswer(status="pending")


@router.post("/email/verify/request/", status_code=202)
async def ask_again(caller: AuthenticatedCaller, directory: DirectoryOfRequest) -> StatusAnswer:
    """Another mail with a fresh link."""
    await ask_for_verification(directory, caller.user_id)
    return StatusAnswer(status="accepted")


@router.get("/sessions/")
async def list_sessions(
    caller: AuthenticatedCaller, directory: DirectoryOfRequest, query: PageParameters
) -> Page[SessionAnswer]:
    """The caller's logins that still count, the newest first."""
    position = query.position(UUID)
    before = position[0] if position else None
    sessions = await directory.sessions.page(caller.user_id, before=before, limit=query.limit + 1)
    page = page_of(
        sessions,
        query.limit,
        item=lambda session: SessionAnswer.of(session, caller.session_id),
        key=lambda session: (session.session_id,),
    )
    return Page[SessionAnswer](**page)


@router.delete("/sessions/{session_id}/", status_code=204)
async def end_session(session_id: UUID, caller: AuthenticatedCaller, directory: DirectoryOfRequest) -> None:
    await revoke_session(directory, user_id=caller.user_id, session_id=session_id, reason="ended_by_owner")
