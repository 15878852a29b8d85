"""Health and metrics: alive, ready (or what is missing), degraded (what waits but loses nothing)."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

Check = Callable[[], Awaitable[bool]]


class Health:
    """What a process needs (`needs`: without it not ready) and what it would like (`likes`: without it degraded)."""

    def __init__(self) -> None:
        self.needs: dict[str, Check] = {}
        self.likes: dict[str, Check] = {}
        self.draining = False

    async def missing(self) -> list[str]:
        names = [name for name, check in self.needs.items() if not await check()]
        return [*names, "draining"] if self.draining else names

    async def degraded(self) -> list[str]:
        return [name for name, check in self.likes.items() if not await check()]


def health_router(health: Health) -> APIRouter:
    """`/health/live`, `/health/ready` and `/metrics`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @router.get("/health/ready")
    async def ready() -> JSONResponse:
        missing = await health.missing()
        if missing:
            return JSONResponse({"status": "not_ready", "missing": missing}, 503)
        degraded = await health.degraded()
        return JSONResponse({"status": "degraded" if degraded else "ready", "degraded": degraded})

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router
