"""What routers of programs share: the desk of a request, and its precondition."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from chassis.api.callers import Caller
from chassis.api.preconditions import IfMatch, IfMatchHeader, version_etag
from chassis.api.routing import Work
from chassis.refusals import NotFoundError
from programs.domain.program import Program
from programs.use_cases.ports import Desk, DeskOpener


@dataclass(frozen=True, slots=True)
class ProgramsWiring:
    """What bootstrap hands to the routers."""

    open_desk: DeskOpener


class VersionPrecondition:
    """If-Match as the use cases ask for it."""

    def __init__(self, if_match: IfMatch) -> None:
        self._if_match = if_match

    def check(self, version: int) -> None:
        self._if_match.check(version_etag(version))


async def _precondition(if_match: IfMatchHeader) -> VersionPrecondition:
    return VersionPrecondition(if_match)


async def _desk(request: Request, work: Work) -> Desk:
    wiring: ProgramsWiring = request.app.state.wiring
    return wiring.open_desk(work)


Precondition = Annotated[VersionPrecondition, Depends(_precondition)]
RequestDesk = Annotated[Desk, Depends(_desk)]


def may_see_drafts(caller: Caller | None) -> bool:
    """Drafts are for admins; to everybody else they do not exist."""
    return caller is not None and caller.is_admin


async def get_visible(desk: Desk, program_id: UUID, caller: Caller | None) -> Program:
    """The programme if this caller may see it; NotFoundError otherwise."""
    program = await desk.programs.find(program_id)
    if program is None or not (program.is_public or may_see_drafts(caller)):
        raise NotFoundError
    return program
