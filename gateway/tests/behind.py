"""What stands behind a gateway in its tests: small services on real ports, and how one waits for them."""

import asyncio
import contextlib
import hashlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from gateway.server import EdgeServer

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


@contextlib.contextmanager
def deserted_port() -> Iterator[int]:
    """A port that nobody listens on, nor can by chance: it is taken until the block ends, and refuses connections."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        yield port
