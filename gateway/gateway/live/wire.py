"""The WebSocket under a live socket: uvicorn's sans-I/O protocol, plus writes that never wait for a slow reader."""

import asyncio
import socket
from asyncio.transports import BaseTransport
from typing import Any, Final, Protocol

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.exceptions import InvalidState
from websockets.http11 import Request

# The key under which the wire is handed to the application, in the scope's extensions.
WIRE: Final = "impactnet.wire"
# What the kernel may hold for one reader: without a bound it takes megabytes before we see that nobody reads.
_KERNEL_BUFFER_BYTES: Final = 128 * 1024
# A close frame waits this long behind what was written before it; then the connection is cut.
_ABORT_SECONDS: Final = 20.0


class Wire(Protocol):
    """What a live socket needs of its connection."""

    @property
    def buffered_bytes(self) -> int:
        """Bytes written and not yet taken by the kernel."""

    @property
    def paused_seconds(self) -> float:
        """How long the peer has not taken what is waiting; 0 while it does."""

    def write_text(self, payload: bytes) -> None:
        """Write one text frame at once; nothing happens on a connection that is closing."""

    def write_close(self, code: int, reason: str) -> None:
        """Write the close frame at once, behind what was written before."""

    async def drained(self) -> None:
        """Return when the peer has taken what was waiting, or is gone."""


class EdgeSocketProtocol(WebSocketsSansIOProtocol):
    """One WebSocket. ASGI's own `send` waits for the reader; an event for a thousand sockets can't."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._paused_at: float | None = None
        self._abort_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        raw: socket.socket | None = transport.get_extra_info("socket")
        if raw is not None and raw.family in {socket.AF_INET, socket.AF_INET6}:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BUFFER_BYTES)

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        scope: Any = getattr(self, "scope", None)
        if scope is not None:  # None when the handshake itself was refused
            scope["extensions"][WIRE] = self

    def connection_lost(self, exc: Exception | None) -> None:
        self._paused_at = None
        if self._abort_timer is not None:
            self._abort_timer.cancel()
            self._abort_timer = None
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._paused_at = self.loop.time()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._paused_at = None

    @property
    def buffered_bytes(self) -> int:
        return 0 if self.disconnected else self.transport.get_write_buffer_size()

    @property
    def paused_seconds(self) -> float:
        return 0.0 if self._paused_at is None else self.loop.time() - self._paused_at

    def write_text(self, payload: bytes) -> None:
        if self.disconnected or self.close_sent or self.transport.is_closing():
            return
        try:
            self.conn.send_text(payload)
        except InvalidState:
            return  # the peer's close frame has just been read
        self.transport.write(b"".join(self.conn.data_to_send()))

    def write_close(self, code: int, reason: str) -> None:
        if self.disconnected or self.close_sent or self.transport.is_closing():
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        try:
            self.conn.send_close(code, reason)
        except InvalidState:
            return
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.stop_keepalive()
        if self.read_paused:
            # The peer's answer to the close frame has to be read.
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.close)
        self._abort_timer = self.loop.call_later(_ABORT_SECONDS, self.transport.abort)

    async def drained(self) -> None:
        await self.writable.wait()
