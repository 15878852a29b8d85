"""Programs on a fresh database, an admin's client, and programmes in every state."""

from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from chassis.ids import new_id
from chassis.testing.harness import ServiceHarness, running_service
from contracts.identity import UserRegistered
from programs.bootstrap import SERVICE

BASE = "/api/v1/programs"
PROGRAM: dict[str, Any] = {
    "title": "Tailors of Kano",
    "summary": "Small workshops grow.",
    "description": "Machines, training and a year of advice.",
    "category": "enterprise",
    "funder": "Acme Foundation",
    "budget": "5000000.00",
    "currency": "NGN",
    "award_min": "50000.00",
    "award_max": "500000.00",
    "slots": 10,
    "location": "Kano",
    "open_date": "2026-01-01",
    "close_date": "2999-12-31",
    "review_quorum": 2,
}
CRITERIA = {
    "items": [
        {"name": "Impact", "description": "Who gains?", "max_score": 10, "weight": "60.00"},
        {"name": "Plan", "description": "Can it work?", "max_score": 10, "weight": "40.00"},
    ]
}


class Scenario:
    """The service and what its tests do again and again."""

    def __init__(self, service: ServiceHarness, admin: httpx.AsyncClient) -> None:
        self.service = service
        self.admin = admin
        self.public = service.client()

    async def draft(self, **changes: Any) -> dict[str, Any]:
        answer = await self.admin.post(f"{BASE}/", json=PROGRAM | changes)
        assert answer.status_code == 201, answer.text
        program: dict[str, Any] = answer.json()
        return program

    async def executive(self) -> UUID:
        user_id = new_id()
        await self.service.deliver(UserRegistered(user_id=user_id, role="executive"))
        return user_id

    async def seat(self, program_id: str, *, chair: bool = False) -> UUID:
        user_id = await self.executive()
        body = {"display_name": "Ngozi A.", "title": "Chair" if chair else "Member", "is_chair": chair}
        answer = await self.admin.post(f"{BASE}/{program_id}/executives/{user_id}/", json=body)
        assert answer.status_code == 201, answer.text
        return user_id

    async def ready(self, **changes: Any) -> dict[str, Any]:
        """A draft that could be published."""
        program = await self.draft(**changes)
        answer = await self.admin.put(f"{BASE}/{program['id']}/criteria/", json=CRITERIA)
        assert answer.status_code == 200, answer.text
        await self.seat(program["id"], chair=True)
        await self.seat(program["id"])
        return program

    async def published(self, **changes: Any) -> dict[str, Any]:
        program = await self.ready(**changes)
        answer = await self.admin.post(f"{BASE}/{program['id']}/publish/", json={})
        assert answer.status_code == 200, answer.text
        opened: dict[str, Any] = answer.json()
        return opened


@pytest.fixture(scope="module")
def urls(fresh_database: Callable[[str], dict[str, str]]) -> dict[str, str]:
    return fresh_database("programs")


# One service for a module's tests: each makes what it needs, and none looks at what the others made.
@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scenario(urls: dict[str, str]) -> AsyncIterator[Scenario]:
    async with running_service(SERVICE, urls) as service, service.client(new_id(), "admin") as admin:
        yield Scenario(service, admin)
