"""`/api/v1/auth/password/`: changing it, and getting in again without it."""

from fastapi import APIRouter, Request, Response

from chassis.api.callers import AuthenticatedCaller
from chassis.api.routing import OwnWorkRoute
from identity.api.answers import StatusAnswer
from identity.api.authentication import HashFirstRoute
from identity.api.bodies import ChangePasswordBody, ConfirmResetBody, ResetBody
from identity.api.dependencies import ClientAddress, DirectoryOfRequest, Wiring
from identity.use_cases.change_password import change_password
from identity.use_cases.reset_password import ask_for_reset, confirm_reset

router = APIRouter(prefix="/api/v1/auth/password", tags=["identity"], route_class=OwnWorkRoute)
confirmation = APIRouter(prefix="/api/v1/auth/password", tags=["identity"], route_class=HashFirstRoute)


@router.post("/change/", status_code=204)
async def change(
    body: ChangePasswordBody, caller: AuthenticatedCaller, wired: Wiring, address: ClientAddress
) -> Response:
    """A new password for who knows the present one; all other sessions end."""
    await change_password(
        wired.open_directory,
        wired.passwords,
        wired.limits,
        user_id=caller.user_id,
        session_id=caller.session_id,
        current_password=body.current_password,
        new_password=body.new_password,
        address=address,
    )
    return Response(status_code=204)


@router.post("/reset/", status_code=202)
async def ask(body: ResetBody, wired: Wiring, address: ClientAddress) -> StatusAnswer:
    """A mail with a link, when anybody has this address; the answer does not say."""
    await ask_for_reset(wired.open_directory, wired.limits, email=body.email, address=address)
    return StatusAnswer(status="accepted")


@confirmation.post("/reset/confirm/", status_code=204)
async def confirm(body: ConfirmResetBody, request: Request, directory: DirectoryOfRequest) -> None:
    """A new password by the link's token; every session ends."""
    await confirm_reset(
        directory, token=body.token, new_password=body.new_password, new_hash=request.state.password_hash
    )
