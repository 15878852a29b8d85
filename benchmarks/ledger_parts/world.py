"""A ledger on durable servers of its own: PostgreSQL with fsync, Kafka, a programme with money to give."""

import asyncio
import contextlib
import gc
import itertools
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from chassis.ids import new_id
from chassis.processes import COLLECTOR_THRESHOLDS
from chassis.testing.harness import ServiceHarness, running_service
from chassis.testing.servers import PostgresServer
from contracts.applications import ApplicationRejected, AwardProposed, InterviewCompleted, TranchePlan
from contracts.envelope import Event
from contracts.fact import Fact
from contracts.programs import ProgramCreated
from ledger.bootstrap import SERVICE
from local_stack.postgres import EmbeddedPostgres

DECIDER = new_id()


@dataclass
class World:
    """Where the measured ledger lives."""

    service: ServiceHarness
    urls: dict[str, str]
    admin: asyncpg.Connection
    program_id: UUID

    async def height(self) -> int:
        return int(await self.admin.fetchval("SELECT size FROM head"))


def event_of(fact: Fact, sequence: int = 1) -> bytes:
    return Event.of(fact, event_id=new_id(), time=datetime.now(UTC), sequence=sequence).to_bytes()


def decision(program_id: UUID) -> ApplicationRejected:
    """A fact that moves no money."""
    return ApplicationRejected(
        application_id=new_id(),
        program_id=program_id,
        user_id=new_id(),
        status="rejected",
        decision_id=new_id(),
        decider_id=DECIDER,
        submission_sha256="b" * 64,
        reviews=3,
        final_score="71.50",
    )


def interview(program_id: UUID) -> InterviewCompleted:
    """The most frequent fact: a transcript's hash."""
    return InterviewCompleted(
        application_id=new_id(),
        program_id=program_id,
        user_id=new_id(),
        status="ai_interview_completed",
        interview_id=new_id(),
        transcript_sha256="a" * 64,
        messages=12,
        model="model-1",
        prompt_version="1",
    )


def commitment(program_id: UUID) -> AwardProposed:
    """A fact that moves money: lots, postings, balances, an award with its tranche, an answer to the board."""
    return AwardProposed(
        application_id=new_id(),
        program_id=program_id,
        user_id=new_id(),
        status="under_review",
        award_id=new_id(),
        decision_id=new_id(),
        decider_id=DECIDER,
        amount="100.00",
        currency="NGN",
        tranches=[TranchePlan(tranche_id=new_id(), amount="100.00", due_on=date(2026, 12, 1))],
    )


def mixed() -> Callable[[UUID], Fact]:
    """What a programme sends: of ten facts five interviews, four decisions, and one award to be set aside."""
    turns = itertools.cycle([commitment, *[interview, decision] * 4, interview])

    def make(program_id: UUID) -> Fact:
        return next(turns)(program_id)

    return make


@asynccontextmanager
async def world(folder: Path, **settings: Any) -> AsyncIterator[World]:
    """A fresh one; `settings` as the service's."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    servers = PostgresServer(folder)
    servers.server = EmbeddedPostgres(folder, durability="on")
    await servers.server.start()
    try:
        name, urls = await asyncio.to_thread(servers.fresh_database, "ledger")
        admin = await asyncpg.connect(servers.database_admin_url(name).replace("+asyncpg", ""))
        await admin.execute("SET search_path = ledger")
        async with running_service(SERVICE, urls, **settings) as service:
            made = World(service, urls, admin, new_id())
            await service.deliver(ProgramCreated(program_id=made.program_id, currency="NGN"))
            await _donate(made)
            # As in the service's own processes.
            gc.collect()
            gc.freeze()
            gc.set_threshold(*COLLECTOR_THRESHOLDS)
            yield made
        await admin.close()
    finally:
        await servers.server.stop()


async def _donate(made: World) -> None:
    body = {"program_id": str(made.program_id), "amount": "900000000000.00", "currency": "NGN"}
    async with made.service.client(new_id(), "admin") as client:
        key = {"Idempotency-Key": str(new_id())}
        answer = await client.post("/api/v1/transactions/donations/", json=body, headers=key)
        answer.raise_for_status()
    await made.admin.execute("UPDATE payments SET due_at = now() WHERE direction = 'in'")
    await made.service.tick("credit_donations")


@contextmanager
def worker_process(made: World, kafka_bootstrap: str) -> Iterator[subprocess.Popen[bytes]]:
    """The ledger's worker as it runs in production, on the measured database."""
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "IMPACTNET_LEDGER_DATABASE_URL": made.urls["ledger_api"],
        "IMPACTNET_LEDGER_WORKER_DATABASE_URL": made.urls["ledger_worker"],
        "IMPACTNET_KAFKA_BOOTSTRAP": kafka_bootstrap,
        "IMPACTNET_LEDGER_WORKER_PORT": "0",
        "IMPACTNET_LOG_LEVEL": "warning",
    }
    process = subprocess.Popen([sys.executable, "-m", "ledger", "worker"], env=environment, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        if process.poll() is None:
            process.kill()
            process.wait()
