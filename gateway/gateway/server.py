"""Our edge of HTTP: uvicorn's httptools protocol with limits on headers and problems for what is no HTTP."""

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from gateway import headers, problems
from gateway.live.wire import EdgeSocketProtocol
from gateway.settings import GatewaySettings

# What RFC 9112 asks a server to take at least (8000 octets) and no browser exceeds.
_TARGET_BYTES_MAX: Final = 8 * 1024
# 06: exit within 25 s; sockets get `drain_seconds` of it, requests in flight the rest.
_GRACEFUL_SECONDS: Final = 12


class _RefusedError(Exception):
    """Stops the parser from within one of its callbacks."""


class EdgeProtocol(HttpToolsProtocol):
    """One connection from outside. Refuses before a request exists: too large (431), too slow (408), no HTTP (400)."""

    # Set by `edge_protocol`; uvicorn builds protocols itself and passes nothing of ours.
    edge_settings: GatewaySettings

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._refusal: problems.Problem | None = None
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type] # uvicorn narrows it to Transport
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._head_bytes = 0
        super().on_message_begin()
        self._await_head()

    def on_url(self, url: bytes) -> None:
        self._head_bytes += len(url)
        if self._head_bytes > _TARGET_BYTES_MAX:
            self._refuse(problems.headers_too_large())
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        # 4 bytes: the colon, the space and the line's end.
        self._head_bytes += len(name) + len(value) + 4
        if (
            self._head_bytes > self.edge_settings.headers_bytes_max
            or len(self.headers) >= self.edge_settings.headers_count_max
        ):
            self._refuse(problems.headers_too_large())
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._head_came()
        lengths = [value for name, value in self.headers if name == b"content-length"]
        if lengths and headers.find(self.headers, b"transfer-encoding") is not None:
            self._refuse(problems.ambiguous_length())
        hosts = sum(name == b"host" for name, _ in self.headers)
        # RFC 9112, 3.2: exactly one Host, or it is no request.
        if len(set(lengths)) > 1 or hosts > 1 or (hosts == 0 and self.parser.get_http_version() == "1.1"):
            self._refuse(problems.malformed_request())
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Whatever the parser refused, as a problem."""
        del msg
        self._head_came()
        if self.transport.is_closing():
            return
        if self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete:
            # Half an answer is out: another one would be read as its body.
            self.transport.close()
            return
        self._write_and_close(self._refusal or self._read_as_refusal())

    def _read_as_refusal(self) -> problems.Problem:
        # The parser itself refuses both lengths at once before it has shown us all headers.
        named = {name for name, _ in self.headers or []}
        if {b"content-length", b"transfer-encoding"} & named and self._head_bytes:
            both = {b"content-length", b"transfer-encoding"} <= named
            return problems.ambiguous_length() if both else problems.malformed_request()
        return problems.malformed_request()

    def _refuse(self, problem: problems.Problem) -> None:
        self._refusal = problem
        raise _RefusedError

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.edge_settings.headers_seconds, self._head_too_slow)

    def _head_came(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_too_slow(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self._write_and_close(problems.headers_too_slow())

    def _write_and_close(self, problem: problems.Problem) -> None:
        request_id = headers.request_id_of(self.headers or [])
        body = problem.body(request_id)
        lines = [f"HTTP/1.1 {problem.status} {problem.content('')['title']}".encode()]
        lines += [name + b": " + value for name, value in problem.all_headers()]
        lines += [b"content-length: " + str(len(body)).encode(), b"x-request-id: " + request_id.encode("ascii")]
        self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        self.transport.close()


def edge_protocol(settings: GatewaySettings) -> type[EdgeProtocol]:
    """The protocol bound to these settings."""
    return type("BoundEdgeProtocol", (EdgeProtocol,), {"edge_settings": settings})


class EdgeServer(uvicorn.Server):
    """Says that it is leaving before it leaves: `on_leaving` runs at the signal, the server stops when it is done."""

    def __init__(self, config: uvicorn.Config, on_leaving: Callable[[], Any]) -> None:
        super().__init__(config)
        self._on_leaving = on_leaving
        self._leaving: asyncio.Task[None] | None = None

    async def on_tick(self, counter: int) -> bool:
        if not self.should_exit or self.force_exit:
            return await super().on_tick(counter)
        if self._leaving is None:
            self._leaving = asyncio.ensure_future(self._on_leaving())
        if self._leaving.done():
            return True
        self.should_exit = False
        try:
            # The clock of the answers' dates goes on while sockets drain.
            await super().on_tick(counter)
        finally:
            self.should_exit = True
        return False

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGTERM and SIGINT, and leave it at that.

        uvicorn would raise the signal again when it has stopped, and so end the process before the rest is closed.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {name: signal.signal(name, self.handle_exit) for name in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for name, handler in before.items():
                signal.signal(name, handler)


def server_config(app: Any, settings: GatewaySettings) -> uvicorn.Config:
    """How uvicorn is run: our protocol, no trust in anyone's headers, no compression of frames."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=edge_protocol(settings),
        ws=EdgeSocketProtocol,
        # 64 KiB: an interview message of 4,000 characters is 16 KB at most; a token 2 KB.
        ws_max_size=64 * 1024,
        ws_ping_interval=20.0,
        ws_ping_timeout=20.0,
        # 08: deflate costs 40 KiB a socket.
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=_GRACEFUL_SECONDS,
    )
