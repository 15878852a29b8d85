"""A world for tests of applications: programmes as events tell of them, people as their tokens do."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from applications.adapters.desk import PostgresDesk
from applications.bootstrap import SERVICE
from chassis.clock import SteppedClock
from chassis.ids import new_id
from chassis.testing.harness import ServiceHarness, running_service
from contracts.applications import AwardProposed
from contracts.ledger import CommitmentReserved, DisbursementCompleted
from contracts.programs import CriterionSnapshot, ExecutiveSnapshot, ProgramPublished, RequirementSnapshot
from local_stack.object_storage import ObjectStorage

FORM = (
    '{"type":"object","required":["business"],"additionalProperties":false,"properties":{'
    '"business":{"type":"string","minLength":3,"maxLength":100},"age":{"type":"integer"}}}'
)

EXECUTIVE = "/api/v1/executive/"


@dataclass
class TestProgram:
    """A programme that has been published to the service under test. The first executive is the chair."""

    __test__ = False

    fact: ProgramPublished
    executives: list[UUID]
    impact: UUID
    need: UUID
    requirement: UUID

    @property
    def id(self) -> UUID:
        return self.fact.program_id


@dataclass
class World:
    """The service under test, and what a test does with it."""

    service: ServiceHarness
    clock: SteppedClock | None
    clients: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    async def client(self, user_id: UUID, role: str = "member", **token: Any) -> httpx.AsyncClient:
        return await self.clients.enter_async_context(self.service.client(user_id, role, **token))

    async def program(
        self, *, chair: bool = True, quorum: int = 2, required: bool = False, **changed: Any
    ) -> TestProgram:
        executives = [new_id() for _ in range(3)]
        impact, need, requirement = new_id(), new_id(), new_id()
        now = self.service.worker.clock.now()
        snapshot: dict[str, Any] = {
            "program_id": new_id(),
            "revision": 1,
            "title": "Tailors of Kano",
            "slug": "tailors-of-kano",
            "status": "open",
            "funder": "Acme Foundation",
            "budget": "5000000.00",
            "currency": "NGN",
            "award_min": "50000.00",
            "award_max": "500000.00",
            "slots": 10,
            "open_date": (now - timedelta(days=30)).date(),
            "close_date": (now + timedelta(days=300)).date(),
            "time_zone": "Africa/Lagos",
            "review_quorum": quorum,
            "form_json": FORM,
            "criteria": [
                CriterionSnapshot(criterion_id=impact, name="Impact", description="", max_score=10, weight="60.00"),
                CriterionSnapshot(criterion_id=need, name="Need", description="", max_score=10, weight="40.00"),
            ],
            "requirements": [RequirementSnapshot(requirement_id=requirement, name="Plan", required=required)],
            "qualifications": [],
            "executives": [
                ExecutiveSnapshot(executive_id=new_id(), user_id=each, is_chair=chair and each == executives[0])
                for each in executives
            ],
        }
        fact = ProgramPublished(**{**snapshot, **changed})
        await self.service.deliver(fact)
        return TestProgram(fact, executives, impact, need, requirement)

    async def applied(self, program: TestProgram, user_id: UUID | None = None) -> tuple[UUID, httpx.AsyncClient]:
        """A draft with complete answers, and its owner's client."""
        client = await self.client(user_id or new_id())
        answer = await client.post(f"/api/v1/programs/{program.id}/apply/", json={"answers": {"business": "tailoring"}})
        assert answer.status_code == 201, answer.text
        return UUID(answer.json()["id"]), client

    async def interviewed(self, application_id: UUID) -> None:
        """Moves a draft to `ai_interview_completed`, as a video and an interview would."""
        async with self.service.worker.database.unit_of_work() as work:
            desk = PostgresDesk(work, self.service.worker.vault)
            application = await desk.applications.get_locked(application_id)
            application.attach_video()
            application.video_ready()
            application.start_interview(work.now)
            application.complete_interview()
            await desk.applications.save(application)

    async def submitted(self, program: TestProgram, user_id: UUID | None = None) -> tuple[UUID, httpx.AsyncClient]:
        """An application under review, and its owner's client."""
        application_id, client = await self.applied(program, user_id)
        await self.interviewed(application_id)
        answer = await client.post(f"/api/v1/applications/{application_id}/submit/", json={})
        assert answer.status_code == 200, answer.text
        return application_id, client

    async def executive(self, program: TestProgram, number: int) -> httpx.AsyncClient:
        return await self.client(program.executives[number], "executive")

    async def scored(self, program: TestProgram, application_id: UUID, *numbers: int) -> None:
        """The executives of these numbers give 8 for impact and 7 for need: 76.00."""
        for number in numbers:
            client = await self.executive(program, number)
            body = {
                "scores": {str(program.impact): 8, str(program.need): 7},
                "notes": "A sound plan.",
                "recommendation": "approve",
            }
            answer = await client.post(f"/api/v1/executive/applications/{application_id}/score/", json=body)
            assert answer.status_code == 201, answer.text

    async def now_reads(self, client: httpx.AsyncClient, path: str) -> dict[str, Any]:
        answer = await client.get(path)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body


class Awarded:
    """An approved application with two tranches, and two admins."""

    def __init__(self, world: World, program: TestProgram, proposed: AwardProposed) -> None:
        self.world = world
        self.program = program
        self.fact = proposed
        self.asker_id, self.approver_id = new_id(), new_id()
        self.tranches = [each.tranche_id for each in proposed.tranches]

    @property
    def path(self) -> str:
        return f"{EXECUTIVE}applications/{self.fact.application_id}/"

    async def ask(self, number: int = 0, user_id: UUID | None = None) -> httpx.Response:
        client = await self.world.client(user_id or self.asker_id, "admin")
        body = {"tranche_id": str(self.tranches[number])}
        return await client.post(f"{self.path}disbursements/", json=body, headers={"Idempotency-Key": str(new_id())})

    async def decide(
        self, request_id: str, action: str = "approve", user_id: UUID | None = None, **token: Any
    ) -> httpx.Response:
        client = await self.world.client(user_id or self.approver_id, "admin", **token)
        headers = {"Idempotency-Key": str(new_id())}
        path = f"{EXECUTIVE}disbursements/{request_id}/{action}/"
        return await client.post(path, json={"reason": "As planned."}, headers=headers)

    def said(self, request_id: str, number: int = 0) -> dict[str, Any]:
        return {
            "request_id": UUID(request_id),
            "transaction_id": new_id(),
            "tranche_id": self.tranches[number],
            "award_id": self.fact.award_id,
            "application_id": self.fact.application_id,
            "program_id": self.fact.program_id,
            "user_id": self.fact.user_id,
            "amount": self.fact.tranches[number].amount,
            "currency": "NGN",
        }

    async def award(self) -> dict[str, Any]:
        client = await self.world.client(self.asker_id, "admin")
        award: dict[str, Any] = (await self.world.now_reads(client, self.path))["award"]
        return award

    async def paid(self, number: int) -> None:
        request_id = (await self.ask(number)).json()["id"]
        assert (await self.decide(request_id)).status_code == 202
        await self.world.service.deliver(DisbursementCompleted(**self.said(request_id, number)))


# Nothing listens on the discard port: storage that is away.
NOWHERE = "http://127.0.0.1:9"

AWARD = {
    "amount": "300000.00",
    "currency": "NGN",
    "tranches": [
        {"amount": "200000.00", "due_on": "2026-12-01", "condition": "on award"},
        {"amount": "100000.00", "due_on": "2027-02-01", "condition": "report"},
    ],
    "reason": "Sound plan, real need.",
}


@pytest.fixture
def award_body() -> dict[str, Any]:
    """What the chair sends to approve (09-bodies)."""
    return dict(AWARD)


@pytest.fixture(scope="module")
def database_urls(fresh_database: Callable[[str], dict[str, str]]) -> dict[str, str]:
    """One migrated database for the module; tests keep apart by ids."""
    return fresh_database("applications")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(database_urls: dict[str, str]) -> AsyncIterator[World]:
    """The service on real PostgreSQL, its clock the machine's; one for the module, in the module's event loop."""
    async with running_service(
        SERVICE, database_urls, transcriber="none", interviewer="rules", s3_endpoint=NOWHERE
    ) as service:
        made = World(service, None)
        async with made.clients:
            yield made


@pytest_asyncio.fixture(loop_scope="module")
async def awarded(world: World, award_body: dict[str, Any]) -> Awarded:
    """An application approved and committed."""
    program = await world.program()
    application_id, _ = await world.submitted(program)
    await world.scored(program, application_id, 1, 2)
    chair = await world.executive(program, 0)
    answer = await chair.post(f"{EXECUTIVE}applications/{application_id}/approve/", json=award_body)
    assert answer.status_code == 202
    proposed = [f for f in await world.service.announced(AwardProposed) if f.application_id == application_id][-1]
    await world.service.deliver(
        CommitmentReserved(
            award_id=proposed.award_id,
            application_id=application_id,
            program_id=program.id,
            user_id=proposed.user_id,
            transaction_id=new_id(),
            amount="300000.00",
            currency="NGN",
        )
    )
    return Awarded(world, program, proposed)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clocked_world(database_urls: dict[str, str]) -> AsyncIterator[World]:
    """The same, with a clock that the test steps; not in a module with `world`, whose signing keys it would replace."""
    clock = SteppedClock(datetime.now(UTC))
    async with running_service(SERVICE, database_urls, clock=clock, transcriber="none", interviewer="rules") as service:
        made = World(service, clock)
        async with made.clients:
            yield made


@pytest.fixture(scope="session")
def object_storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStorage]:
    """One real S3 server for the run."""
    storage = ObjectStorage(tmp_path_factory.mktemp("s3"), "test-access", "test-secret")
    asyncio.run(storage.start())
    yield storage
    asyncio.run(storage.stop())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def storing_world(database_urls: dict[str, str], object_storage: ObjectStorage) -> AsyncIterator[World]:
    """The world with real object storage."""
    async with running_service(
        SERVICE,
        database_urls,
        transcriber="none",
        interviewer="rules",
        s3_endpoint=object_storage.endpoint,
        s3_access_key=SecretStr("test-access"),
        s3_secret_key=SecretStr("test-secret"),
    ) as service:
        made = World(service, None)
        async with made.clients:
            yield made
