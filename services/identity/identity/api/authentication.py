"""`/api/v1/auth/`: getting in, staying in, getting out."""

from typing import Final

from fastapi import APIRouter, Request, Response

from chassis.api.callers import AuthenticatedCaller
from chassis.api.routing import OwnWorkRoute, StrictRequest, UnitOfWorkRoute
from chassis.refusals import FieldRefusalError
from identity.api.answers import AccessAnswer, LoginAnswer, TokensAnswer, UserAnswer
from identity.api.bodies import LoginBody, PasswordBody, RefreshBody, RegisterBody, TokenBody
from identity.api.dependencies import ClientAddress, DirectoryOfRequest, IdentityWiring, Wiring
from identity.domain.passwords import PASSWORD_CHARACTERS_MAX, PASSWORD_CHARACTERS_MIN, weakness_of
from identity.domain.people import Personal
from identity.use_cases.log_in import LoginAttempt, log_in
from identity.use_cases.refresh_session import refresh_session
from identity.use_cases.register_user import Registration, register_user
from identity.use_cases.revoke_sessions import revoke_session
from identity.use_cases.step_up import step_up
from identity.use_cases.verify_email import verify_email

# RFC 6749 5.1: what holds tokens is kept by no cache.
NO_STORE: Final = {"Cache-Control": "no-store"}


class HashFirstRoute(UnitOfWorkRoute):
    """Hashes the body's `password` (or `new_password`) before a connection is taken: hashing queues, connections not.

    The handler finds it as `request.state.password_hash`; None when the body has no password of a good length.
    """

    async def prepare(self, request: StrictRequest) -> None:
        request.state.password_hash = None
        body = await request.json() if await request.body() else None
        if not isinstance(body, dict):
            return
        password = body.get("password", body.get("new_password"))
        if isinstance(password, str) and PASSWORD_CHARACTERS_MIN <= len(password) <= PASSWORD_CHARACTERS_MAX:
            wired: IdentityWiring = request.app.state.wiring
            request.state.password_hash = await wired.passwords.hash(password)


registration = APIRouter(prefix="/api/v1/auth", tags=["identity"], route_class=HashFirstRoute)
logins = APIRouter(prefix="/api/v1/auth", tags=["identity"], route_class=OwnWorkRoute)
router = APIRouter(prefix="/api/v1/auth", tags=["identity"], route_class=UnitOfWorkRoute)


@registration.post("/register/", status_code=201)
async def register(body: RegisterBody, request: Request, directory: DirectoryOfRequest) -> UserAnswer:
    """A new member; a mail with a link to verify the address follows."""
    weakness = weakness_of(body.password, username=body.username, email=body.email)
    if weakness is not None:
        raise FieldRefusalError([("password", *weakness)])
    personal = Personal(body.email, body.full_name, body.phone, body.location or None)
    user = await register_user(directory, Registration(body.username, personal, request.state.password_hash))
    return UserAnswer.of(user)


@logins.post("/login/")
async def login(
    body: LoginBody, request: Request, response: Response, wired: Wiring, address: ClientAddress
) -> LoginAnswer:
    """Tokens for a name and a password; the same answer whether or not the name is known."""
    attempt = LoginAttempt(body.email, body.username, body.password, address, request.headers.get("user-agent"))
    tokens, user = await log_in(wired.open_directory, wired.passwords, wired.limits, attempt)
    response.headers.update(NO_STORE)
    return LoginAnswer(
        access_token=tokens.access_token, refresh_token=tokens.refresh_token or "", user=UserAnswer.of(user)
    )


@logins.post("/refresh/")
async def refresh(body: RefreshBody, response: Response, wired: Wiring) -> TokensAnswer:
    """New tokens for a refresh token, once; using one again ends the session."""
    tokens = await refresh_session(wired.open_directory, body.refresh_token)
    response.headers.update(NO_STORE)
    return TokensAnswer(access_token=tokens.access_token, refresh_token=tokens.refresh_token or "")


@logins.post("/step-up/")
async def confirm(
    body: PasswordBody, caller: AuthenticatedCaller, response: Response, wired: Wiring, address: ClientAddress
) -> AccessAnswer:
    """An access token with a fresh `auth_time`, for what asks for one."""
    tokens = await step_up(
        wired.open_directory,
        wired.passwords,
        wired.limits,
        user_id=caller.user_id,
        session_id=caller.session_id,
        password=body.password,
        address=address,
    )
    response.headers.update(NO_STORE)
    return AccessAnswer(access_token=tokens.access_token)


@router.post("/logout/", status_code=204)
async def logout(caller: AuthenticatedCaller, directory: DirectoryOfRequest) -> None:
    """End this session everywhere, sockets included."""
    await revoke_session(directory, user_id=caller.user_id, session_id=caller.session_id, reason="logout")


@router.post("/email/verify/")
async def verify(body: TokenBody, directory: DirectoryOfRequest) -> UserAnswer:
    """The token from the mail proves the address."""
    return UserAnswer.of(await verify_email(directory, body.token))
