"""The interview over a socket: the same conversation as over HTTP, its answer streamed as it is made."""

from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

import aiohttp
import orjson
import structlog

from gateway.problems import Problem, ProblemError, service_too_slow, service_unavailable
from gateway.routes import INTERVIEW_SECONDS, Service
from gateway.upstreams import Upstreams

log = structlog.get_logger(__name__)

# A message has at most 4,000 characters; an answer with both messages and their flags stays far below this.
_LINE_BYTES_MAX: Final = 256 * 1024


class InterviewRelay:
    """Posts a message and yields what comes back as (`token` | `message`, content)."""

    def __init__(self, upstreams: Upstreams) -> None:
        self._upstreams = upstreams

    async def say(self, application_id: UUID, content: object, token: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Send one message; the stream of deltas and the recorded answer.

        Raises:
            ProblemError: what the service refuses, as it says it; 503 or 504 when it is away or too slow.
        """
        service = Service.APPLICATIONS
        url = f"{self._upstreams.base(service)}/api/v1/applications/{application_id}/ai-interview/message/"
        try:
            async with self._upstreams.client(service).post(
                url,
                data=orjson.dumps({"content": content}),
                headers={
                    "Authorization": f"Bearer {token}",
                    "Content-Type": "application/json",
                    "Accept": "text/event-stream",
                },
                timeout=aiohttp.ClientTimeout(total=None, connect=5, sock_read=INTERVIEW_SECONDS),
                allow_redirects=False,
            ) as response:
                if response.content_type != "text/event-stream":
                    body = await response.read()
                    if response.status != 200:  # noqa: PLR2004 -- the only success
                        raise ProblemError(_problem(response.status, body))
                    yield "message", orjson.loads(body)
                    return
                async for event, data in _events(response.content):
                    if event == "error":
                        raise ProblemError(_problem(int(data.get("status", 500)), orjson.dumps(data)))
                    yield event, data
        except TimeoutError as error:
            raise ProblemError(service_too_slow(service)) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            log.warning("interview_broken", error=type(error).__name__)
            raise ProblemError(service_unavailable(service)) from error


async def _events(stream: aiohttp.StreamReader) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Server-sent events (WHATWG HTML, 9.2) whose data are JSON objects."""
    event, data = "message", b""
    async for raw in stream:
        line = raw.rstrip(b"\r\n")
        if not line:
            if data:
                yield event, orjson.loads(data)
            event, data = "message", b""
        elif line.startswith(b"event:"):
            event = line[6:].strip().decode()
        elif line.startswith(b"data:"):
            data += line[5:].strip()
            if len(data) > _LINE_BYTES_MAX:
                raise ValueError("an event larger than any answer")


def _problem(status: int, body: bytes) -> Problem:
    """The service's own problem, or a plain one when it said something else."""
    try:
        content = orjson.loads(body)
        return Problem(status, str(content["code"]), str(content["detail"]))
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return Problem(status, "interview_failed", "The interview could not go on.")
