"""One request and its answer, as the gateway passes them between its parts."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import orjson

from gateway.problems import Problem

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

JSON_TYPE: Final = b"application/json"


class Exchange:
    """A request in progress: its scope, who sent it, and the one way to answer it."""

    __slots__ = (
        "client_address",
        "extra_headers",
        "headers",
        "method",
        "path",
        "query",
        "receive",
        "request_id",
        "scheme",
        "send",
        "status",
        "traceparent",
    )

    def __init__(  # noqa: PLR0917 -- built in one place, from an ASGI scope
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        path: str,
        request_id: str,
        traceparent: str,
        client_address: str,
        scheme: str,
    ) -> None:
        self.method: str = scope["method"]
        self.path = path
        self.query: bytes = scope["query_string"]
        self.headers: list[tuple[bytes, bytes]] = scope["headers"]
        self.receive = receive
        self.send = send
        self.request_id = request_id
        self.traceparent = traceparent
        self.client_address = client_address
        self.scheme = scheme
        # Sent with whatever the answer is: CORS, limits.
        self.extra_headers: list[tuple[bytes, bytes]] = []
        # 0 until an answer has begun.
        self.status = 0

    async def start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Begin the answer; our own headers are added here and nowhere else."""
        self.status = status
        await self.send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [*headers, (b"x-request-id", self.request_id.encode("ascii")), *self.extra_headers],
            }
        )

    async def body(self, body: bytes, *, more: bool = False) -> None:
        """A piece of the answer's body; the last one when `more` is false."""
        await self.send({"type": "http.response.body", "body": body, "more_body": more})

    async def answer(self, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        """The whole answer at once."""
        await self.start(status, [(b"content-length", str(len(body)).encode()), *headers])
        await self.body(body)

    async def answer_json(self, status: int, content: object, headers: list[tuple[bytes, bytes]] | None = None) -> None:
        """A JSON answer."""
        await self.answer(status, orjson.dumps(content), [(b"content-type", JSON_TYPE), *(headers or [])])

    async def answer_problem(self, problem: Problem) -> None:
        """A problem (RFC 9457)."""
        await self.answer(problem.status, problem.body(self.request_id), problem.all_headers())
