"""A running service with real object storage, and an applicant whose form is complete."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import httpx
import pytest

from applications.bootstrap import SERVICE
from chassis.ids import new_id
from chassis.testing.harness import ServiceHarness, running_service
from contracts.applications import VideoUploaded
from contracts.fact import Fact
from contracts.programs import CriterionSnapshot, ProgramPublished
from local_stack.object_storage import BUCKET, REGION, ObjectStorage

F = TypeVar("F", bound=Fact)
DATA = Path(__file__).parents[2] / "data"
KEYS = ("access-of-tests", "secret-of-tests")


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStorage]:
    """One S3 server for the run."""
    server = ObjectStorage(tmp_path_factory.mktemp("s3"), *KEYS)
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())


@dataclass
class Applicant:
    """A member with an application, and what one does with it."""

    service: ServiceHarness
    client: httpx.AsyncClient
    user_id: UUID
    application_id: str

    def url(self, rest: str = "") -> str:
        return f"/api/v1/applications/{self.application_id}/{rest}"

    async def read(self) -> dict[str, Any]:
        answer = await self.client.get(self.url())
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def upload(self, content: bytes, **headers: str) -> httpx.Response:
        files = {"file": ("video.mp4", content, "video/mp4")}
        return await self.client.post(self.url("video/"), files=files, headers=headers)

    async def announced(self, kind: type[F]) -> list[F]:
        """What was said about this application."""
        facts = await self.service.announced(kind)
        return [fact for fact in facts if fact.subject() == self.application_id]

    async def process_videos(self) -> None:
        """What Kafka and the worker do after an upload."""
        for fact in await self.announced(VideoUploaded):
            await self.service.deliver(fact)
        await self.service.tick("videos")

    async def with_ready_video(self) -> None:
        answer = await self.upload((DATA / "applicant-amina.mp4").read_bytes())
        assert answer.status_code == 202, answer.text
        await self.process_videos()
        assert (await self.read())["video"]["status"] == "ready"

    async def say(self, content: str, **headers: str) -> httpx.Response:
        return await self.client.post(self.url("ai-interview/message/"), json={"content": content}, headers=headers)


FORM = {
    "type": "object",
    "properties": {"business": {"type": "string"}, "plan": {"type": "string"}},
    "required": ["business"],
}


def published_program() -> ProgramPublished:
    criteria = [
        CriterionSnapshot(criterion_id=new_id(), name="Impact", description="Who gains.", max_score=10, weight="60.00"),
        CriterionSnapshot(criterion_id=new_id(), name="Plan", description="", max_score=10, weight="40.00"),
    ]
    return ProgramPublished(
        program_id=new_id(), revision=1, title="Small businesses in Kano", slug="kano", status="open", funder="Acme",
        budget="5000000.00", currency="NGN", award_min="50000.00", award_max="500000.00", slots=10,
        open_date=date(2020, 1, 1), close_date=date(2099, 12, 31), time_zone="Africa/Lagos", review_quorum=2,
        form_json=httpx.Response(200, json=FORM).text, criteria=criteria, requirements=[], qualifications=[],
        executives=[],
    )  # fmt: skip


Start = Callable[..., Any]


@pytest.fixture(scope="module")
def urls(fresh_database: Callable[[str], dict[str, str]]) -> dict[str, str]:
    """One database for all tests of a module: each makes a programme and an applicant of its own."""
    return fresh_database("applications")


@pytest.fixture
def start(urls: dict[str, str], s3_server: ObjectStorage) -> Start:
    """`async with start(**settings) as service`: the service on this module's database and the S3 server."""

    @asynccontextmanager
    async def run(**settings: Any) -> AsyncIterator[ServiceHarness]:
        defaults: dict[str, Any] = {
            "s3_endpoint": s3_server.endpoint,
            "s3_access_key": KEYS[0],
            "s3_secret_key": KEYS[1],
            "s3_bucket": BUCKET,
            "s3_region": REGION,
            "interviewer": "rules",
            "transcriber": "none",
            "openai_api_key": None,
        }
        async with running_service(SERVICE, urls, **{**defaults, **settings}) as service:
            yield service

    return run


@pytest.fixture
async def service(start: Start) -> AsyncIterator[ServiceHarness]:
    async with start() as running:
        yield running


async def apply(service: ServiceHarness, answers: dict[str, Any] | None = None) -> Applicant:
    """Someone who has applied to a programme of their own, with these answers."""
    program = published_program()
    await service.deliver(program)
    user_id = new_id()
    client = service.client(user_id)
    path = f"/api/v1/programs/{program.program_id}/apply/"
    given = {"business": "tailoring workshop in Kano"} if answers is None else answers
    answer = await client.post(path, json={"answers": given})
    assert answer.status_code == 201, answer.text
    return Applicant(service, client, user_id, answer.json()["id"])


@pytest.fixture
async def applicant(service: ServiceHarness) -> Applicant:
    return await apply(service)


@pytest.fixture
def apply_to() -> Callable[..., Awaitable[Applicant]]:
    return apply
