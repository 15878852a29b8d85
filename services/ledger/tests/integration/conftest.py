"""A ledger on a fresh database, its object storage, and ledgers with a history."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from services.ledger.tests.scenario import Scenario

from chassis.ids import new_id
from chassis.testing.harness import running_service
from contracts.programs import ProgramCreated
from ledger.bootstrap import SERVICE
from ledger.domain.bank_accounts import bank_day
from local_stack.object_storage import BUCKET, REGION, ObjectStorage

S3_KEYS = ("access-of-tests", "secret-of-tests")


@pytest.fixture
def urls(fresh_database: Callable[[str], dict[str, str]]) -> dict[str, str]:
    """The roles' URLs of a ledger of this test's own."""
    return fresh_database("ledger")


@pytest.fixture(scope="module")
def shared_urls(fresh_database: Callable[[str], dict[str, str]]) -> dict[str, str]:
    """The roles' URLs of a ledger that a module's tests share, because what they try is rolled back or refused."""
    return fresh_database("ledger")


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStorage]:
    """One S3 server for the run; receipts are kept there by what they are."""
    server = ObjectStorage(tmp_path_factory.mktemp("s3"), *S3_KEYS)
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())


@pytest.fixture(scope="session")
def storage(s3_server: ObjectStorage) -> dict[str, Any]:
    """Settings of a service that keeps its receipts on the run's S3 server."""
    return {
        "s3_endpoint": s3_server.endpoint,
        "s3_access_key": SecretStr(S3_KEYS[0]),
        "s3_secret_key": SecretStr(S3_KEYS[1]),
        "s3_bucket": BUCKET,
        "s3_region": REGION,
    }


@pytest.fixture
async def scenario(urls: dict[str, str], storage: dict[str, Any]) -> AsyncIterator[Scenario]:
    async with running_service(SERVICE, urls, **storage) as service:
        made = Scenario(service, urls, new_id(), new_id(), new_id(), new_id())
        await made.create_program()
        yield made
        await made.check_books()


@pytest.fixture
async def paid(scenario: Scenario) -> dict[str, Any]:
    """A donation of 100.00 that came and a disbursement of 60.00 that went, today; their references at the rail."""
    donation = await scenario.donate("100.00")
    await scenario.set_account()
    award = scenario.award("60.00")
    await scenario.service.deliver(award)
    await scenario.service.deliver(scenario.approval(award))
    await scenario.settle()
    [payment] = await scenario.fetch(
        "SELECT reference, transaction_id FROM payments JOIN transactions ON id = transaction_id"
        " WHERE direction = 'out' AND status = 'completed'"
    )
    [block] = await scenario.fetch("SELECT timestamp FROM blocks WHERE transaction_id = $1", donation["id"])
    return {
        "in": donation["payment"]["reference"],
        "out": payment["reference"],
        "out_id": str(payment["transaction_id"]),
        "day": bank_day(block["timestamp"]),
    }


@pytest.fixture
async def history(shared_urls: dict[str, str]) -> Scenario:
    """Six blocks, the third a donation and the last a commitment, and a signature over all; made once a module."""
    async with running_service(SERVICE, shared_urls) as service:
        made = Scenario(service, shared_urls, new_id(), new_id(), new_id(), new_id())
        [found] = await made.fetch("SELECT size FROM head")
        if found["size"] == 1:
            await made.create_program()
            await made.donate("10.00")
            for _ in range(2):
                await service.deliver(ProgramCreated(program_id=new_id(), currency="NGN"))
            await service.deliver(made.award("5.00"))
            await made.sign()
    return made


_MADE: dict[str, Scenario] = {}


@pytest.fixture
async def whole_history(shared_urls: dict[str, str], storage: dict[str, Any]) -> Scenario:
    """A ledger that has lived through everything, without guards; made once a module: what is tried is rolled back."""
    if shared_urls["admin"] not in _MADE:
        async with running_service(SERVICE, shared_urls, **storage) as service:
            made = Scenario(service, shared_urls, new_id(), new_id(), new_id(), new_id())
            await made.create_program()
            await made.live_through_everything()
        await made.take_guards_down()
        _MADE[shared_urls["admin"]] = made
    return _MADE[shared_urls["admin"]]
