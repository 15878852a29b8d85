"""A gateway on a real port, with small services behind real ports, for the tests of the gateway."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from gateway.tests.behind import (
    Answer,
    BehindPort,
    QuietEdgeServer,
    deserted_port,
    eventually,
    served,
    service_behind_port,
)

from chassis.testing.token_mint import TokenMint
from gateway.bootstrap import Gateway, running_gateway
from gateway.server import EdgeServer, server_config
from gateway.settings import GatewaySettings


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
            "kafka_bootstrap": "127.0.0.1:1",
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


@pytest.fixture(name="deserted_port")
def deserted_port_fixture() -> Iterator[int]:
    """A port that nobody listens on."""
    with deserted_port() as port:
        yield port


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
