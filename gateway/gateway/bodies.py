"""Request bodies: whole ones within their limit, streamed ones as they come, stalled ones cut off."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from gateway.exchange import Exchange
from gateway.headers import find
from gateway.problems import Problem, ProblemError, ambiguous_length, body_stalled, body_too_large

# What a client had in flight when it was refused is read and thrown away for this long, so that the refusal is not
# lost to the reset that closing with unread bytes would send.
_DRAIN_SECONDS: Final = 2.0
_DRAIN_BYTES_MAX: Final = 64 * 1024 * 1024


class ClientGoneError(Exception):
    """The client hung up: there is nobody to answer."""


class RequestBody:
    """The body of one request, read at most once.

    Raises:
        ProblemError: both Content-Length and Transfer-Encoding (400), or declared larger than the limit (413).
    """

    def __init__(self, exchange: Exchange, *, bytes_max: int, stall_seconds: float) -> None:
        self._exchange = exchange
        self._bytes_max = bytes_max
        self._stall_seconds = stall_seconds
        length = find(exchange.headers, b"content-length")
        self.is_chunked = find(exchange.headers, b"transfer-encoding") is not None
        if length is not None and self.is_chunked:
            raise ProblemError(ambiguous_length())
        # None when chunked: only the end will tell. The server has refused a length that is no number.
        self.length: int | None = None if self.is_chunked else int(length or b"0")
        # Whether the last byte has been read.
        self.is_complete = self.length == 0
        if self.length is not None and self.length > bytes_max:
            raise ProblemError(body_too_large(bytes_max))

    async def read(self) -> bytes:
        """The whole body.

        Raises:
            ProblemError: larger than the limit (413) or stalled (408).
            ClientGoneError: hung up before the end.
        """
        pieces = [piece async for piece in self.pieces()]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes; raises as `read` does."""
        received = 0
        while not self.is_complete:
            try:
                async with asyncio.timeout(self._stall_seconds):
                    message = await self._exchange.receive()
            except TimeoutError:
                raise ProblemError(body_stalled(self._stall_seconds)) from None
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            piece = message.get("body", b"")
            received += len(piece)
            if received > self._bytes_max:
                raise ProblemError(body_too_large(self._bytes_max))
            self.is_complete = not message.get("more_body", False)
            if piece:
                yield piece


async def refuse_with_body_unread(exchange: Exchange, problem: Problem) -> None:
    """Answer while the client may still be sending: say it, read on for a moment, then close."""
    headers = problem.all_headers()
    if (b"connection", b"close") not in headers:
        headers.append((b"connection", b"close"))
    body = problem.body(exchange.request_id)
    await exchange.start(problem.status, [(b"content-length", str(len(body)).encode()), *headers])
    await exchange.body(body, more=True)
    await drain(exchange)
    await exchange.body(b"")


async def drain(exchange: Exchange) -> None:
    """Read and forget what is still coming, for a moment."""
    drained = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            while drained < _DRAIN_BYTES_MAX:
                message = await exchange.receive()
                drained += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
