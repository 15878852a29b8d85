"""Health and metrics: alive, ready (or what is missing), degraded (what waits but loses nothing)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

Check = Callable[[], Awaitable[bool]]

# Whoever asks gives up after four seconds (infra/k8s) or five, and then does not hear what is missing.
ANSWER_SECONDS_MAX: Final = 3


class Health:
    """What a process needs (`needs`: without it not ready) and what it would like (`likes`: without it degraded)."""

    def __init__(self) -> None:
        self.needs: dict[str, Check] = {}
        self.likes: dict[str, Check] = {}
        self.draining = False
        self._given_up: set[asyncio.Task[Any]] = set()

    async def missing(self) -> list[str]:
        names = await self._failing(self.needs)
        return [*names, "draining"] if self.draining else names

    async def degraded(self) -> list[str]:
        return await self._failing(self.likes)

    async def _failing(self, checks: Mapping[str, Check]) -> list[str]:
        """Those that fail, or have no answer in time, as of a database that says nothing any more."""
        asked = {name: asyncio.ensure_future(check()) for name, check in checks.items()}
        if asked:
            await asyncio.wait(asked.values(), timeout=ANSWER_SECONDS_MAX)
        failing = [name for name, answer in asked.items() if not (answer.done() and answer.result())]
        for answer in asked.values():
            if not answer.done():
                # Not waited for: to end takes it as long as a goodbye to whom it has asked.
                self._given_up.add(answer)
                answer.add_done_callback(self._given_up.discard)
                answer.cancel()
        return failing


def health_router(health: Health) -> APIRouter:
    """`/health/live`, `/health/ready` and `/metrics`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @router.get("/health/ready")
    async def ready() -> JSONResponse:
        missing, degraded = await asyncio.gather(health.missing(), health.degraded())
        if missing:
            return JSONResponse({"status": "not_ready", "missing": missing}, 503)
        return JSONResponse({"status": "degraded" if degraded else "ready", "degraded": degraded})

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router
