"""Identity on a real database, and people who use it."""

import itertools
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.clock import SteppedClock, SystemClock
from chassis.testing.harness import ServiceHarness, running_service
from identity.bootstrap import SERVICE
from identity.domain.people import Role
from identity.use_cases.change_role import give_role

PASSWORD = "blue-kettle-71-harmattan"
_numbers = itertools.count(1)


@dataclass
class Person:
    """Somebody with an account, at an address of their own, so that tests share no limits."""

    client: httpx.AsyncClient
    username: str
    email: str
    password: str = PASSWORD
    user_id: str = ""
    tokens: dict[str, Any] = field(default_factory=dict)

    async def log_in(self) -> dict[str, Any]:
        answer = await self.client.post("/api/v1/auth/login/", json={"email": self.email, "password": self.password})
        assert answer.status_code == 200, answer.text
        self.take(answer.json())
        return self.tokens

    def take(self, tokens: dict[str, Any]) -> None:
        self.tokens = {**self.tokens, **tokens}
        self.client.headers["Authorization"] = f"Bearer {tokens['access_token']}"


class World:
    """The service and a way to fill it with people."""

    def __init__(self, service: ServiceHarness, mail_folder: Path) -> None:
        self.service = service
        self.mail_folder = mail_folder

    def stranger(self, address: str | None = None) -> httpx.AsyncClient:
        client = self.service.client()
        number = next(_numbers)
        client.headers["X-Forwarded-For"] = address or f"198.51.{number // 250}.{number % 250}"
        return client

    async def register(self, **changes: Any) -> Person:
        number = next(_numbers)
        username = f"person{number}"
        body = {
            "email": f"{username}@example.ng",
            "username": username,
            "password": PASSWORD,
            "full_name": f"Person {number}",
            "phone": "+2348000000000",
        } | changes
        client = self.stranger()
        answer = await client.post("/api/v1/auth/register/", json=body)
        assert answer.status_code == 201, answer.text
        return Person(client, body["username"], body["email"], body["password"], answer.json()["id"])

    async def member(self, **changes: Any) -> Person:
        person = await self.register(**changes)
        await person.log_in()
        return person

    async def with_role(self, role: Role) -> Person:
        """Somebody with a role, given by the database's own hand: how roles are given has tests of its own."""
        person = await self.register()
        wired = self.service.worker_parts.wiring
        async with wired.open_directory() as directory:
            user = await directory.users.get_locked(UUID(person.user_id))
            await give_role(directory, user, role)
        await person.log_in()
        return person

    async def mails(self, purpose: str, email: str) -> list[dict[str, Any]]:
        await self.service.tick("answer_reset_requests")
        await self.service.tick("send_mails")
        found = [json.loads(path.read_text()) for path in sorted(self.mail_folder.glob("*.json"))]
        return [mail for mail in found if mail["purpose"] == purpose and mail["to"] == email]


@pytest.fixture(scope="module")
def urls(fresh_database):
    return fresh_database("identity")


@pytest.fixture
async def world(urls, tmp_path):
    async with running_service(SERVICE, urls, mail_directory=str(tmp_path)) as service:
        # The harness taught this service the keys of its own mint; identity verifies by its own.
        await service.tick("keep_signing_keys")
        yield World(service, tmp_path)


@pytest.fixture
async def stepped_world(urls, tmp_path):
    clock = SteppedClock(SystemClock().now())
    async with running_service(SERVICE, urls, clock=clock, mail_directory=str(tmp_path)) as service:
        await service.tick("keep_signing_keys")
        yield World(service, tmp_path), clock
