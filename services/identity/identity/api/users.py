"""`/api/v1/users/`: what admins do about users, and `/api/v1/profiles/`: what anybody may see of one."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from chassis.api.callers import AdminCaller
from chassis.api.pages import Page, page_of
from chassis.api.preconditions import conditional, version_etag
from chassis.api.routing import UnitOfWorkRoute
from chassis.api.values import Empty, Reason
from chassis.refusals import NotFoundError
from identity.api.answers import ManagedUserAnswer, ProfileAnswer
from identity.api.bodies import RoleBody, UsersQuery
from identity.api.dependencies import DirectoryOfRequest
from identity.domain.people import User
from identity.use_cases.change_role import change_role
from identity.use_cases.judge_user import suspend_user, verify_user

router = APIRouter(prefix="/api/v1/users", tags=["identity"], route_class=UnitOfWorkRoute)
profiles = APIRouter(prefix="/api/v1/profiles", tags=["identity"], route_class=UnitOfWorkRoute)

# Asked again each time, with an ETag: a withdrawn consent changes the public view at once.
_PROFILE_CACHE: Final = "public, no-cache"


def _answer(user: User, response: Response) -> ManagedUserAnswer:
    response.headers["ETag"] = version_etag(user.version)
    return ManagedUserAnswer.of(user)


@router.get("/")
async def list_users(
    caller: AdminCaller, directory: DirectoryOfRequest, query: Annotated[UsersQuery, Query()]
) -> Page[ManagedUserAnswer]:
    """The newest first."""
    del caller
    position = query.position(UUID)
    users = await directory.users.page(
        before=position[0] if position else None,
        limit=query.limit + 1,
        role=query.role,
        is_active=query.is_active,
        username=query.username,
    )
    page = page_of(users, query.limit, item=ManagedUserAnswer.of, key=lambda user: (user.user_id,))
    return Page[ManagedUserAnswer](**page)


@router.get("/{user_id}/")
async def read_user(
    user_id: UUID, caller: AdminCaller, directory: DirectoryOfRequest, response: Response
) -> ManagedUserAnswer:
    del caller
    user = await directory.users.find(user_id)
    if user is None:
        raise NotFoundError
    return _answer(user, response)


@router.patch("/{user_id}/role/")
async def give_role(
    user_id: UUID, body: RoleBody, caller: AdminCaller, directory: DirectoryOfRequest, response: Response
) -> ManagedUserAnswer:
    """Only a super admin makes admins; nobody raises themselves. A refresh brings the user the new role."""
    user = await change_role(
        directory, actor_id=caller.user_id, actor_role=caller.role, user_id=user_id, role=body.role
    )
    return _answer(user, response)


@router.post("/{user_id}/verify/")
async def verify(
    user_id: UUID, caller: AdminCaller, directory: DirectoryOfRequest, response: Response, body: Empty | None = None
) -> ManagedUserAnswer:
    """Vouch for who this is."""
    del body
    user = await verify_user(directory, actor_id=caller.user_id, actor_role=caller.role, user_id=user_id)
    return _answer(user, response)


@router.post("/{user_id}/suspend/")
async def suspend(
    user_id: UUID, body: Reason, caller: AdminCaller, directory: DirectoryOfRequest, response: Response
) -> ManagedUserAnswer:
    """Every session ends, logins are refused."""
    user = await suspend_user(
        directory, actor_id=caller.user_id, actor_role=caller.role, user_id=user_id, reason=body.reason
    )
    return _answer(user, response)


@profiles.get("/{user_id}/", response_model=ProfileAnswer)
async def read_profile(user_id: UUID, request: Request, directory: DirectoryOfRequest) -> Response:
    """What its owner consented to show."""
    user = await directory.users.find(user_id)
    if user is None:
        raise NotFoundError
    given = {code for code, consent in (await directory.consents.of(user_id)).items() if consent.given}
    profile = ProfileAnswer(
        id=user.user_id,
        username=user.username,
        display_name=user.personal.full_name if "profile_name" in given else None,
        avatar=user.avatar if "profile_avatar" in given else None,
        location=user.personal.location if "profile_location" in given else None,
    )
    return conditional(request, profile.model_dump_json().encode(), cache=_PROFILE_CACHE)
