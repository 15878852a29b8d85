"""The feed on a fresh database, people with clients, and the facts it listens to."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import date
from typing import Any, TypeVar
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from chassis.ids import new_id
from chassis.testing.harness import ServiceHarness, running_service
from contracts.fact import Fact
from contracts.ledger import DisbursementCompleted
from contracts.programs import ExecutiveSnapshot, ProgramUpdated
from feed.bootstrap import SERVICE

F = TypeVar("F", bound=Fact)


class Scenario:
    """The service and what its tests do again and again."""

    def __init__(self, service: ServiceHarness, stack: AsyncExitStack) -> None:
        self.service = service
        self._stack = stack
        self.public = service.client()

    async def person(self, role: str = "member") -> tuple[UUID, httpx.AsyncClient]:
        user_id = new_id()
        return user_id, await self.client_of(user_id, role)

    async def client_of(self, user_id: UUID, role: str = "member") -> httpx.AsyncClient:
        return await self._stack.enter_async_context(self.service.client(user_id, role))

    async def post(self, client: httpx.AsyncClient, body: str = "Good news", **more: Any) -> dict[str, Any]:
        answer = await client.post("/api/v1/posts/create/", json={"body": body, "media": [], **more})
        assert answer.status_code == 201, answer.text
        post: dict[str, Any] = answer.json()
        return post

    async def program(self, *board: UUID, title: str = "Tailors of Kano", revision: int = 1) -> UUID:
        program_id = new_id()
        await self.service.deliver(self.snapshot(program_id, *board, title=title, revision=revision))
        return program_id

    @staticmethod
    def snapshot(program_id: UUID, *board: UUID, title: str, revision: int) -> ProgramUpdated:
        return ProgramUpdated(
            program_id=program_id,
            revision=revision,
            title=title,
            slug="tailors",
            status="open",
            funder="Acme",
            budget="100.00",
            currency="NGN",
            award_min="1.00",
            award_max="10.00",
            slots=1,
            open_date=date(2026, 1, 1),
            close_date=date(2026, 12, 31),
            time_zone="Africa/Lagos",
            review_quorum=1,
            form_json=None,
            criteria=[],
            requirements=[],
            qualifications=[],
            executives=[ExecutiveSnapshot(executive_id=new_id(), user_id=user, is_chair=False) for user in board],
        )

    @staticmethod
    def about_application(kind: type[F], program_id: UUID, user_id: UUID, **more: Any) -> F:
        values = {"application_id": new_id(), "program_id": program_id, "user_id": user_id, "status": "under_review"}
        return kind.model_validate(values | more)

    @staticmethod
    def about_payment(program_id: UUID, user_id: UUID, kind: type[Fact] | None = None, **more: Any) -> Any:
        values = {
            "request_id": new_id(),
            "transaction_id": new_id(),
            "tranche_id": new_id(),
            "award_id": new_id(),
            "application_id": new_id(),
            "program_id": program_id,
            "user_id": user_id,
            "amount": "200000.00",
            "currency": "NGN",
        }
        return (kind or DisbursementCompleted).model_validate(values | more)

    async def notifications(self, client: httpx.AsyncClient) -> list[dict[str, Any]]:
        answer = await client.get("/api/v1/notifications/")
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def scalar(self, query: str, **values: Any) -> Any:
        async with self.service.worker.database.reading() as connection:
            return await connection.scalar(text(query), values)


@pytest.fixture(scope="module")
def urls(fresh_database: Callable[[str], dict[str, str]]) -> dict[str, str]:
    return fresh_database("feed")


# One service for a module's tests: each makes what it needs, and none looks at what the others made.
@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scenario(urls: dict[str, str]) -> AsyncIterator[Scenario]:
    async with running_service(SERVICE, urls) as service, AsyncExitStack() as stack:
        yield Scenario(service, stack)
