"""The whole system, started once for all journeys, beside whatever else runs on this machine."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.journeys.people import GENEROUS_LIMITS

from local_stack.journey.platform import Person, Platform
from local_stack.journey.socket import LiveSocket
from local_stack.stack import LocalStack


@pytest.fixture(scope="module")
def mail_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mail")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, mail_directory: Path) -> Iterator[LocalStack]:
    """Every service, PostgreSQL, Kafka and object storage on free ports."""
    environment = {
        "IMPACTNET_IDENTITY_MAIL_DIRECTORY": str(mail_directory),
        # A checkpoint each second instead of every ten: the journey waits for several.
        "IMPACTNET_LEDGER_SIGNER_INTERVAL_SECONDS": "1",
        **GENEROUS_LIMITS,
    }
    started = LocalStack(tmp_path_factory.mktemp("stack"), environment=environment)
    asyncio.run(started.start())
    try:
        yield started
    finally:
        asyncio.run(started.stop())


@pytest.fixture
async def platform(stack: LocalStack):
    async with Platform(stack.gateway_url) as client:
        yield client


@pytest.fixture(scope="module")
def demo_data() -> Path:
    import local_stack  # noqa: PLC0415 -- only its place is wanted

    return Path(local_stack.__file__).parent.parent / "demo_data"


@pytest.fixture
def mails(mail_directory: Path):
    """`mails(address)`: the texts of all mails sent to an address, oldest first."""

    def read(address: str) -> list[dict]:
        found = [json.loads(path.read_text()) for path in sorted(mail_directory.glob("*.json"))]
        return [mail for mail in found if mail["to"] == address]

    return read


@pytest.fixture
async def listen(platform: Platform):
    """`await listen(person, application_id)`: a live socket, closed when the test ends however it ends."""
    opened: list[LiveSocket] = []

    async def open_socket(person: Person, application_id: str, *, resume: str | None = None) -> LiveSocket:
        socket = LiveSocket(platform.base_url, f"/ws/applications/{application_id}/")
        opened.append(socket)
        return await socket.open(person, resume=resume)

    yield open_socket
    for socket in opened:
        await socket.close()
