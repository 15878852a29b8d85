"""What routers of the feed share: the desk of a request, the reader, the version a caller last read."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from chassis.api.callers import OptionalCaller
from chassis.api.preconditions import IfMatchHeader, version_etag
from chassis.api.routing import Work
from feed.use_cases.ports import Desk, DeskOpener, Reader


@dataclass(frozen=True, slots=True)
class FeedWiring:
    """What bootstrap hands to the routers."""

    open_desk: DeskOpener


async def _desk(request: Request, work: Work) -> Desk:
    wiring: FeedWiring = request.app.state.wiring
    return wiring.open_desk(work)


RequestDesk = Annotated[Desk, Depends(_desk)]


async def _reader(desk: RequestDesk, caller: OptionalCaller) -> Reader:
    return desk.reader(caller.user_id if caller else None)


async def _version_check(if_match: IfMatchHeader) -> Callable[[int], None]:
    def check(version: int) -> None:
        if_match.check(version_etag(version))

    return check


RequestReader = Annotated[Reader, Depends(_reader)]
# Refuses with StaleVersionError another version than the request's If-Match.
VersionCheck = Annotated[Callable[[int], None], Depends(_version_check)]
