"""A gateway on a real port, with small services behind real ports, for the tests of the gateway."""

import asyncio
import contextlib
import functools
import hashlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
import uvicorn

from chassis.testing.token_mint import TokenMint
from gateway.bootstrap import Gateway, running_gateway
from gateway.server import EdgeServer, server_config
from gateway.settings import GatewaySettings

Scope = dict[str, Any]
Handler = Callable[["SeenRequest"], Awaitable["Answer"]]
Raw = Callable[[Scope, Any, Any], Awaitable[None]]


@dataclass
class SeenRequest:
    """A request as a service saw it."""

    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body_bytes: int = 0
    body_sha256: str = ""
    body: bytes = b""
    was_whole: bool = False

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    def header_names(self) -> set[str]:
        return {key for key, _ in self.headers}


@dataclass
class Answer:
    """What a service says."""

    status: int = 200
    content: Any = None
    headers: list[tuple[str, str]] = field(default_factory=list)


class BehindPort:
    """A small service on a real port: answers 200 with what it saw, or as it was told."""

    def __init__(self) -> None:
        self.seen: list[SeenRequest] = []
        self.answers: dict[tuple[str, str], Answer | Handler] = {}
        self.raw: dict[str, Raw] = {}
        self.url = ""
        self.keeps_bodies = True

    def on(self, method: str, path: str, answer: Answer | Handler) -> None:
        self.answers[method, path] = answer

    def of(self, path: str) -> list[SeenRequest]:
        return [request for request in self.seen if request.path == path]

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        request = SeenRequest(
            scope["method"],
            scope["raw_path"].decode(),
            scope["query_string"].decode(),
            [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]],
        )
        self.seen.append(request)
        if scope["path"] in self.raw:
            await self.raw[scope["path"]](scope, receive, send)
            return
        digest = hashlib.sha256()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            piece = message.get("body", b"")
            digest.update(piece)
            request.body_bytes += len(piece)
            if self.keeps_bodies:
                request.body += piece
            if not message.get("more_body"):
                break
        request.was_whole = True
        request.body_sha256 = digest.hexdigest()
        answer = self.answers.get((request.method, request.path), Answer(content={"seen": request.path}))
        if not isinstance(answer, Answer):
            answer = await answer(request)
        body = answer.content if isinstance(answer.content, bytes) else json.dumps(answer.content).encode()
        headers = [(name.encode(), value.encode()) for name, value in answer.headers]
        headers += [(b"content-length", str(len(body)).encode()), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": body if request.method != "HEAD" else b""})


class QuietServer(uvicorn.Server):
    """uvicorn without signals: the test stops it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


class QuietEdgeServer(EdgeServer):
    """The gateway's server without signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


@contextlib.asynccontextmanager
async def served(server: uvicorn.Server) -> AsyncIterator[int]:
    """Run a server on a free port until the block ends."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.005)
        if task.done():
            task.result()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        # The test is over: nobody waits for what is still open.
        server.force_exit = True
        await task


@contextlib.asynccontextmanager
async def service_behind_port() -> AsyncIterator[BehindPort]:
    """A `BehindPort` that listens."""
    service = BehindPort()
    config = uvicorn.Config(
        service, lifespan="off", log_config=None, access_log=False, proxy_headers=False, timeout_graceful_shutdown=1
    )
    async with served(QuietServer(config)) as port:
        service.url = f"http://127.0.0.1:{port}"
        yield service


async def eventually(condition: Callable[[], object], seconds: float = 30) -> None:
    """Return as soon as the condition holds; TimeoutError when it does not in time."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 -- looks at what has no event to wait for
            await asyncio.sleep(0.02)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Stack:
    """A running gateway and what stands behind it."""

    gateway: Gateway
    server: EdgeServer
    port: int
    mint: TokenMint
    identity: BehindPort
    service: BehindPort

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def caught_up(self) -> None:
        """Wait until the live feed has read what was there at the start."""
        await eventually(lambda: self.gateway.stream.is_caught_up)

    def client(self, token: str | None = None, **options: Any) -> httpx.AsyncClient:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30, **options)

    async def raw(self, *pieces: bytes, pause_seconds: float = 0.0) -> bytes:
        """Send bytes as they are; everything that comes back until the gateway closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause_seconds)
            return await asyncio.wait_for(reader.read(), 30)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@functools.cache
def _mint() -> TokenMint:
    """One signing key for all tests: making one takes a tenth of a second."""
    return TokenMint()


StackFactory = Callable[..., contextlib.AbstractAsyncContextManager[Stack]]


@contextlib.asynccontextmanager
async def running_stack(
    *, mint: TokenMint | None = None, awaits_keys: bool = True, **settings: Any
) -> AsyncIterator[Stack]:
    """A gateway whose services are all one `BehindPort`, and identity's keys another."""
    mint = mint or _mint()
    async with service_behind_port() as identity, service_behind_port() as service:
        identity.on("GET", "/.well-known/jwks.json", Answer(content={"keys": mint.jwks}))
        urls = {f"{name}_url": service.url for name in ("identity", "programs", "applications", "ledger", "feed")}
        told = {
            **urls,
            "jwks_url": f"{identity.url}/.well-known/jwks.json",
            # Nobody listens there: these tests are about HTTP.
            "kafka_bootstrap": f"127.0.0.1:{free_port()}",
            **settings,
        }
        configured = GatewaySettings(**told)
        async with running_gateway(configured) as gateway:
            server = QuietEdgeServer(server_config(gateway, configured), gateway.leave)
            async with served(server) as port:
                stack = Stack(gateway, server, port, mint, identity, service)
                if awaits_keys:
                    await eventually(lambda: gateway.edge.has_keys)
                yield stack


@pytest.fixture
def gateway_stack() -> StackFactory:
    """`async with gateway_stack(**settings) as stack:`"""
    return running_stack


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    """A gateway with default settings."""
    async with running_stack() as running:
        yield running


@pytest.fixture
def query_of() -> Callable[[str], dict[str, list[str]]]:
    """Parses a query string."""
    return parse_qs


@pytest.fixture
async def another_service() -> AsyncIterator[BehindPort]:
    """One more service on a port of its own."""
    async with service_behind_port() as service:
        yield service


@pytest.fixture(name="eventually")
def eventually_fixture() -> Callable[..., Awaitable[None]]:
    """`await eventually(lambda: …)`."""
    return eventually


@pytest.fixture
def answer_of() -> type[Answer]:
    """`answer_of(status=…, content=…, headers=…)`."""
    return Answer


@pytest.fixture(name="free_port")
def free_port_fixture() -> int:
    """A port that nobody listens on."""
    return free_port()


@pytest.fixture
async def dying_service() -> AsyncIterator[tuple[str, list[bytes]]]:
    """A service that reads a request and cuts the connection; what it has read, one entry a connection."""
    heard: list[bytes] = []

    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(65_536))
        writer.close()

    server = await asyncio.start_server(die, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heard
    server.close()
    await server.wait_closed()


@pytest.fixture
def hung_service() -> Callable[[], contextlib.AbstractAsyncContextManager[str]]:
    """A service that takes connections and requests, and never says a word."""

    @contextlib.asynccontextmanager
    async def hang() -> AsyncIterator[str]:
        held: list[asyncio.StreamWriter] = []

        async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            held.append(writer)
            with contextlib.suppress(OSError):
                while await reader.read(65_536):
                    pass

        server = await asyncio.start_server(hold, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            for writer in held:
                writer.close()
            await server.wait_closed()

    return hang


@pytest.fixture
def is_problem() -> Callable[[httpx.Response, int, str], dict[str, Any]]:
    """`is_problem(answer, 404, "not_found")`: checks the shape of RFC 9457 and of the contract, gives the members."""

    def check(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        content: dict[str, Any] = answer.json()
        assert content["code"] == code
        assert content["status"] == status
        assert content["request_id"] == answer.headers["x-request-id"]
        assert {"type", "title", "detail"} <= content.keys()
        return content

    return check
