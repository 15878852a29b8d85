"""One service under test, in this process, on a real database: its API over HTTP, its consumer fed with facts."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

import httpx
from pydantic import SecretStr
from sqlalchemy import select

from chassis.api.app import build_app
from chassis.api.health import Health
from chassis.clock import Clock, SystemClock
from chassis.consumer import ConsumerRunner
from chassis.database import Database
from chassis.ids import new_id
from chassis.personal_data import Vault
from chassis.service import Foundation, Service
from chassis.standing import subscribe_to_standing
from chassis.tables import outbox
from chassis.testing.token_mint import TokenMint
from contracts.envelope import Event
from contracts.fact import Fact
from contracts.identity import SigningKeysChanged
from contracts.registry import FACT_BY_TYPE
from contracts.topics import topic_of

F = TypeVar("F", bound=Fact)


@cache
def _mint() -> TokenMint:
    """One key for the whole run: making one takes longer than most tests."""
    return TokenMint()


class ServiceHarness:
    """What a test does with a service. Made by `running_service`."""

    def __init__(self, *, app: Any, api: Foundation, worker: Foundation, runner: ConsumerRunner, parts: Any) -> None:
        self.app = app
        self.api = api
        self.worker = worker
        self.runner = runner
        self.worker_parts = parts
        self.mint = _mint()
        self._sequences: dict[str, int] = {}

    def client(self, user_id: UUID | None = None, role: str = "member", **token: Any) -> httpx.AsyncClient:
        """A client of the API as a user, or as nobody."""
        headers = {} if user_id is None else {"Authorization": f"Bearer {self.mint.token(user_id, role, **token)}"}
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://service", headers=headers)

    def event(self, fact: Fact, *, event_id: UUID | None = None, sequence: int | None = None) -> Event:
        """A fact in its envelope, numbered as its producer would."""
        subject = fact.subject()
        number = sequence or self._sequences.get(subject, 0) + 1
        self._sequences[subject] = number
        return Event.of(fact, event_id=event_id or new_id(), time=self.worker.clock.now(), sequence=number)

    async def deliver(self, fact: Fact | Event) -> Event:
        """Hand a fact to the consumer as Kafka would; handled, parked or buried when this returns."""
        event = fact if isinstance(fact, Event) else self.event(fact)
        await self.runner.handle(event.to_bytes(), (topic_of(event.context), 0, 0))
        return event

    async def retry_parked(self) -> int:
        """Try every parked event that is due; returns how many were tried."""
        tried = 0
        while await self.runner.retry_one_parked():
            tried += 1
        return tried

    async def announced(self, kind: type[F]) -> list[F]:
        """Facts of a kind in the outbox, in the order they were written."""
        async with self.worker.database.reading() as connection:
            statement = select(outbox.c.payload).where(outbox.c.event_type == kind.TYPE).order_by(outbox.c.position)
            payloads = (await connection.scalars(statement)).all()
        facts = [FACT_BY_TYPE[kind.TYPE].model_validate(Event.from_bytes(bytes(item)).data) for item in payloads]
        return [fact for fact in facts if isinstance(fact, kind)]

    async def tick(self, timer_name: str) -> None:
        """Run one of the service's timers until it has nothing left to do; not at all where its glance sees nothing."""
        timer = next(timer for timer in self.worker_parts.timers if timer.name == timer_name)
        if timer.glance is not None:
            timer.glance.forget()
            if not await timer.glance.sees(timer_name):
                return
        while await timer.run():
            continue


@asynccontextmanager
async def running_service(
    service: Service,
    urls: Mapping[str, str],
    *,
    clock: Clock | None = None,
    **settings: Any,
) -> AsyncIterator[ServiceHarness]:
    """A service on the database behind `urls` (see the fixture `fresh_database`); `settings` override defaults."""
    context = service.context
    configured = service.settings(
        database_url=SecretStr(urls[f"{context}_api"]),
        worker_database_url=SecretStr(urls[f"{context}_worker"]),
        migrator_database_url=SecretStr(urls[f"{context}_migrator"]),
        **settings,
    )
    ticking = clock or SystemClock()
    async with AsyncExitStack() as stack:
        foundations = {}
        for process, url in (("api", configured.database_url), ("worker", configured.worker_database_url)):
            database = Database(url.get_secret_value(), application_name=f"test-{process}", clock=ticking)
            stack.push_async_callback(database.close)
            foundations[process] = Foundation(configured, database, ticking, Vault(configured.master_key))
        api_parts, worker_parts = service.build(foundations["api"]), service.build(foundations["worker"])
        for resource in (*api_parts.resources, *worker_parts.resources):
            await stack.enter_async_context(resource)
        subscribe_to_standing(worker_parts.subscriptions)
        app = build_app(
            configured,
            foundations["api"].database,
            version=service.version,
            description=service.description,
            routers=api_parts.routers,
            problems=api_parts.problems,
            wiring=api_parts.wiring,
            health=Health(),
        )
        runner = ConsumerRunner(configured, foundations["worker"].database, worker_parts.subscriptions)
        harness = ServiceHarness(
            app=app, api=foundations["api"], worker=foundations["worker"], runner=runner, parts=worker_parts
        )
        await harness.deliver(SigningKeysChanged(keys=list(harness.mint.jwks)))
        yield harness
