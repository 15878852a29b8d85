"""For the tests of live sockets: a broker that is told facts, an applicant, and a client that reads frames."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from chassis.ids import new_id
from contracts import applications
from contracts.envelope import Event
from contracts.fact import Fact
from contracts.topics import topic_of


class Announcer:
    """Publishes facts as a service's relay does: keyed by subject, numbered per aggregate."""

    def __init__(self, producer: Any) -> None:
        self._producer = producer
        self._sequences: dict[str, int] = {}

    def event(self, fact: Fact) -> Event:
        sequence = self._sequences.get(fact.subject(), 0) + 1
        self._sequences[fact.subject()] = sequence
        return Event.of(fact, event_id=new_id(), time=datetime.now(UTC), sequence=sequence)

    async def say(self, *facts: Fact | Event) -> list[Event]:
        events = [fact if isinstance(fact, Event) else self.event(fact) for fact in facts]
        for event in events:
            await self._producer.send_and_wait(topic_of(event.context), event.to_bytes(), key=event.subject.encode())
        return events


class Applicant:
    """Someone with an application that `applications` lets them see."""

    def __init__(self, stack: Any, answer_of: Any) -> None:
        self.user_id, self.application_id, self.program_id = uuid4(), uuid4(), uuid4()
        self.token = stack.mint.token(self.user_id)
        self._answer_of = answer_of
        self.may_see(stack)

    def may_see(self, stack: Any) -> None:
        async def answer(request: Any) -> Any:
            mine = request.header("authorization") == f"Bearer {self.token}"
            return self._answer_of(content={"id": str(self.application_id)}) if mine else self._answer_of(status=404)

        stack.service.on("GET", f"/api/v1/applications/{self.application_id}/", answer)

    @property
    def path(self) -> str:
        return f"/ws/applications/{self.application_id}/"

    def fact(self, kind: Any = applications.ApplicationStarted, status: str = "draft", **more: Any) -> Any:
        about = {"application_id": self.application_id, "program_id": self.program_id, "user_id": self.user_id}
        return kind(**about, status=status, **more)


class LiveClient:
    """A socket as a test reads it."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, message: dict[str, Any]) -> None:
        await self._connection.send(json.dumps(message))

    async def send_text(self, text: str) -> None:
        await self._connection.send(text)

    async def said(self, seconds: float = 10) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(await asyncio.wait_for(self._connection.recv(), seconds))
        return frame

    async def welcomed(self) -> str:
        frame = await self.said()
        assert frame["type"] == "welcome"
        assert frame["recovered"] is None
        position: str = frame["position"]
        return position

    async def close_code(self, seconds: float = 15) -> int | None:
        with contextlib.suppress(ConnectionClosed):
            async with asyncio.timeout(seconds):
                while True:
                    await self._connection.recv()
        return self._connection.close_code

    async def quiet(self, seconds: float = 0.5) -> None:
        with pytest.raises(TimeoutError):
            await self.said(seconds)


@contextlib.asynccontextmanager
async def open_socket(stack: Any, path: str, token: str | None = None, **options: Any) -> AsyncIterator[LiveClient]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with connect(stack.ws_url + path, additional_headers=headers, open_timeout=10, **options) as connection:
        yield LiveClient(connection)


@pytest.fixture
def opened() -> Callable[..., contextlib.AbstractAsyncContextManager[LiveClient]]:
    """`async with opened(stack, path, token) as socket:`"""
    return open_socket


@pytest.fixture
async def announcer(kafka_server) -> AsyncIterator[Announcer]:
    producer = AIOKafkaProducer(bootstrap_servers=kafka_server.bootstrap, linger_ms=0)
    await producer.start()
    yield Announcer(producer)
    await producer.stop()


@pytest.fixture
async def live(gateway_stack, kafka_server) -> AsyncIterator[Any]:
    """A gateway that has read what was there."""
    async with gateway_stack(kafka_bootstrap=kafka_server.bootstrap) as stack:
        await stack.caught_up()
        yield stack


@pytest.fixture
def applicant_of(answer_of) -> Callable[[Any], Applicant]:
    """`applicant_of(stack)`."""
    return lambda stack: Applicant(stack, answer_of)


@pytest.fixture
def applicant(live, applicant_of) -> Applicant:
    """An applicant at `live`."""
    made: Applicant = applicant_of(live)
    return made
