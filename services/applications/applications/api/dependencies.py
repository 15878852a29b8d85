"""What routers of this service depend on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from applications.domain.interview import Caps, Interviewer
from applications.domain.storage import ObjectStorage
from applications.settings import ApplicationsSettings
from applications.use_cases.board_access import Viewer
from applications.use_cases.ports import Desk
from chassis.api.callers import AuthenticatedCaller
from chassis.api.routing import Work
from chassis.database import UnitOfWork


@dataclass(frozen=True, slots=True)
class Wiring:
    """What the bootstrap built, as routers use it."""

    settings: ApplicationsSettings
    open_desk: Callable[[UnitOfWork], Desk]
    storage: ObjectStorage
    interviewer: Interviewer
    interview_caps: Caps


async def wiring(request: Request) -> Wiring:
    """The wiring of this application."""
    found: Wiring = request.app.state.wiring
    return found


WiringDependency = Annotated[Wiring, Depends(wiring)]


async def desk(work: Work, wired: WiringDependency) -> Desk:
    """The desk of this request's unit of work."""
    return wired.open_desk(work)


async def viewer(caller: AuthenticatedCaller) -> Viewer:
    """The caller as the board's side knows them."""
    return Viewer(caller.user_id, is_admin=caller.is_admin, is_executive=caller.is_executive)


ViewerDependency = Annotated[Viewer, Depends(viewer)]
DeskDependency = Annotated[Desk, Depends(desk)]
