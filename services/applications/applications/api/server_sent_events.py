"""Server-sent events (WHATWG HTML, 9.2) from work that goes on to its end, whether or not anyone still listens."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import orjson
import structlog
from fastapi.responses import StreamingResponse

from applications.api.problems import PROBLEMS
from chassis.api.problems import ProblemError, problem_body
from chassis.refusals import RefusalError

log = structlog.get_logger(__name__)

# Keeps what is under way from being collected when its listener has gone.
_under_way: Final[set[asyncio.Task[None]]] = set()

Item = tuple[str, bytes]


def _event(name: str, data: bytes) -> bytes:
    # JSON holds no line breaks, so that one data line is enough.
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"


def _problem(error: BaseException) -> bytes:
    if isinstance(error, ProblemError):
        return orjson.dumps(problem_body(error.status_code, error.code, str(error.detail), error.facts))
    if isinstance(error, RefusalError):
        return orjson.dumps(problem_body(PROBLEMS.status_of(error), error.CODE, error.detail, error.facts))
    log.error("stream_failed", exc_info=error)
    return orjson.dumps(problem_body(500, "internal_error", "Something went wrong on our side."))


async def event_stream(items: AsyncIterator[Item]) -> StreamingResponse:
    """Answer with (event name, JSON) items as they come.

    What fails before the first item is raised here and answered as any other problem; a later failure is the last
    event, `error`, with the problem as its data.
    """
    queue: asyncio.Queue[Item | BaseException | None] = asyncio.Queue()

    async def work() -> None:
        try:
            async for item in items:
                queue.put_nowait(item)
        except Exception as error:  # noqa: BLE001 -- handed to the listener, as its last event
            queue.put_nowait(error)
        else:
            queue.put_nowait(None)

    task = asyncio.create_task(work())
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)
    first = await queue.get()
    if isinstance(first, BaseException):
        raise first

    async def events() -> AsyncIterator[bytes]:
        item: Any = first
        while item is not None:
            if isinstance(item, BaseException):
                yield _event("error", _problem(item))
                return
            yield _event(*item)
            item = await queue.get()

    # no-transform and the nginx header: a proxy that gathers or compresses would hold the words back.
    headers = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}
    return StreamingResponse(events(), 200, headers, "text/event-stream")
