"""Asks a local server for a page in the plainest HTTP, to know whether it is there and ready."""

import asyncio
import contextlib
import re
from dataclasses import dataclass
from typing import Final

_ANSWER_SECONDS_MAX: Final = 5.0  # a service that is importing answers late, a healthy one in milliseconds
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})\b")
_ANSWER_SIZE_BYTES_MAX: Final = 64 * 1024  # a readiness note is some hundred bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said: the status, and the body as text."""

    status: int
    body: str


async def ask(port: int, path: str) -> Answer | None:
    """GET `path` at 127.0.0.1:`port`; None when nothing answers as HTTP within 5 s."""
    with contextlib.suppress(OSError, EOFError, TimeoutError, ValueError):
        async with asyncio.timeout(_ANSWER_SECONDS_MAX):
            return await _get(port, path)
    return None


async def _get(port: int, path: str) -> Answer:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
        raw = bytearray()
        while len(raw) < _ANSWER_SIZE_BYTES_MAX and (piece := await reader.read(_ANSWER_SIZE_BYTES_MAX)):
            raw += piece
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    head, _, body = bytes(raw).partition(b"\r\n\r\n")
    status = _STATUS.match(head)
    if status is None:  # whoever listens hung up, or speaks something else
        raise ValueError("this is no answer in HTTP")
    return Answer(int(status[1]), body.decode("utf-8", "replace"))
