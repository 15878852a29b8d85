"""A live socket: keeps every frame it gets."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any, Final, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from local_stack.journey.platform import Person, UnexpectedAnswerError

# Live events come within a third of a second; a busy machine gets a minute before the journey gives up.
FRAME_SECONDS: Final = 60.0


class LiveSocket:
    """`/ws/…` of the gateway, authenticated by a one-use ticket."""

    def __init__(self, base_url: str, path: str) -> None:
        self._url = base_url.replace("http", "ws", 1) + path
        self._connection: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._arrived = asyncio.Condition()
        self.frames: list[dict[str, Any]] = []
        self.close_code: int | None = None

    async def open(self, person: Person, *, resume: str | None = None) -> Self:
        """Connect as `person`; with `resume`, ask for everything after that position."""
        ticket = (await person.post("/auth/ws-ticket/"))["ticket"]
        self._connection = await connect(f"{self._url}?ticket={ticket}", compression=None)
        if resume is not None:
            await self._connection.send(json.dumps({"type": "resume", "position": resume}))
        self._reader = asyncio.create_task(self._read())
        await self.wait_for(lambda frame: frame["type"] == "welcome", "the welcome")
        return self

    async def _read(self) -> None:
        if self._connection is None:
            raise RuntimeError("open() first")
        try:
            async for message in self._connection:
                async with self._arrived:
                    self.frames.append(json.loads(message))
                    self._arrived.notify_all()
        except ConnectionClosed:
            pass  # the code below says how it ended
        finally:
            async with self._arrived:
                self.close_code = self._connection.close_code
                self._arrived.notify_all()

    async def wait_for(self, wanted: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """The first frame, past or future, that is `wanted`."""

        def found() -> bool:
            return self.close_code is not None or any(wanted(frame) for frame in self.frames)

        async with self._arrived:
            try:
                await asyncio.wait_for(self._arrived.wait_for(found), FRAME_SECONDS)
            except TimeoutError:
                seen = [frame.get("event", frame["type"]) for frame in self.frames]
                raise UnexpectedAnswerError(f"{what} did not come over the socket; seen: {seen}") from None
        for frame in self.frames:
            if wanted(frame):
                return frame
        raise UnexpectedAnswerError(f"the socket was closed with {self.close_code} before {what} came")

    @property
    def events(self) -> list[str]:
        """Names of the events so far, in order."""
        return [frame["event"] for frame in self.frames if frame["type"] == "event"]

    @property
    def statuses(self) -> list[str]:
        """The application's statuses as the socket saw them, in order, each once in a row."""
        seen: list[str] = []
        for frame in self.frames:
            status = frame.get("data", {}).get("status") if frame["type"] == "event" else None
            if status is not None and (not seen or seen[-1] != status):
                seen.append(status)
        return seen

    @property
    def position(self) -> str:
        """Where this socket is: what a later `resume` names."""
        return next(str(frame["position"]) for frame in reversed(self.frames) if frame.get("position"))

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
        if self._reader is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
