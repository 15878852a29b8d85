"""Whether a caller may listen to a channel: asked of the service that owns the thing, with the caller's own token."""

from enum import Enum, auto
from typing import Any, Final
from uuid import UUID

import aiohttp
import structlog

from chassis.tokens import AccessToken
from gateway.live.closing import Close, CloseError
from gateway.routes import Service
from gateway.upstreams import Upstreams

log = structlog.get_logger(__name__)

# 06: a service answers within 5 s or counts as away.
_ANSWER_SECONDS: Final = 5.0
_BOARD_ROLES: Final = frozenset({"executive", "admin", "super_admin"})


class _Verdict(Enum):
    YES = auto()
    FORBIDDEN = auto()
    NOT_FOUND = auto()


_VERDICTS: Final = {200: _Verdict.YES, 403: _Verdict.FORBIDDEN, 404: _Verdict.NOT_FOUND}


class Rights:
    """Asks `applications`; knows no rule of its own."""

    def __init__(self, upstreams: Upstreams) -> None:
        self._upstreams = upstreams

    async def demand_application(self, application_id: UUID, caller: AccessToken, token: str) -> None:
        """Raise CloseError unless the caller owns the application or sits on its board."""
        verdict, _ = await self._ask(f"/api/v1/applications/{application_id}/", token)
        if verdict is not _Verdict.YES and caller.role in _BOARD_ROLES:
            verdict, _ = await self._ask(f"/api/v1/executive/applications/{application_id}/", token)
        _demand(verdict)

    async def demand_own_application(self, application_id: UUID, token: str) -> None:
        """Raise CloseError unless the application is the caller's own: nobody else speaks in its interview."""
        verdict, _ = await self._ask(f"/api/v1/applications/{application_id}/", token)
        _demand(verdict)

    async def dashboard(self, token: str) -> dict[str, Any]:
        """The caller's dashboard as `applications` has it now; raises CloseError for who has none."""
        verdict, content = await self._ask("/api/v1/executive/dashboard/", token)
        _demand(verdict)
        if not isinstance(content, dict):
            raise CloseError(Close.TRY_LATER)
        return content

    async def _ask(self, path: str, token: str) -> tuple[_Verdict, Any]:
        service = Service.APPLICATIONS
        try:
            async with self._upstreams.client(service).get(
                self._upstreams.base(service) + path,
                headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
                timeout=aiohttp.ClientTimeout(total=_ANSWER_SECONDS),
                allow_redirects=False,
            ) as response:
                if response.status in _VERDICTS:
                    verdict = _VERDICTS[response.status]
                    return verdict, await response.json() if verdict is _Verdict.YES else None
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            log.warning("rights_unknown", error=type(error).__name__)
            raise CloseError(Close.TRY_LATER) from error
        if status == 401:  # noqa: PLR2004 -- the service has heard of a revocation before we did
            raise CloseError(Close.UNAUTHENTICATED)
        raise CloseError(Close.TRY_LATER)


def _demand(verdict: _Verdict) -> None:
    if verdict is _Verdict.FORBIDDEN:
        raise CloseError(Close.FORBIDDEN)
    if verdict is _Verdict.NOT_FOUND:
        raise CloseError(Close.NOT_FOUND)
