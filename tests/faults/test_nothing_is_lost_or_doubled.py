"""Whatever dies, at whatever line: each event has one effect, the chain verifies, nothing acknowledged is lost."""

import asyncio
import contextlib
from decimal import Decimal
from uuid import UUID, uuid4

import httpx
from tests.journeys.people import gather_people, member

from local_stack.journey import steps
from local_stack.journey.platform import Person, Platform, until
from local_stack.stack import LocalStack

CONTEXTS = ("identity", "programs", "applications", "ledger", "feed")


async def open_program(stack: LocalStack, platform: Platform, title: str):
    people = await gather_people(stack, platform)
    return people, await steps.open_program(people.admin, people.board, title=title)


async def assert_the_chain_verifies(stack: LocalStack) -> None:
    done = await stack.run_command(["-m", "ledger", "verify"])
    assert done.returncode == 0, done.stdout + done.stderr


async def metric(port: int, name: str) -> float:
    """The sum of a metric's samples whose line starts with `name`."""
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))


async def leave_one_worker(stack: LocalStack, context: str, failpoint: str) -> str:
    """Leave one worker of a context, which dies at the failpoint; returns its name."""
    await stack.stop_process(f"{context}-worker-2")
    name = f"{context}-worker-1"
    await stack.restart_process(name, {"IMPACTNET_FAILPOINT": failpoint})
    return name


async def test_a_worker_killed_between_effect_and_offset_has_each_effect_once(
    stack: LocalStack, platform: Platform, database
):
    # Counted from before: an event that was still on its way may be the first that a worker dies of.
    before = {f"{context}-worker-1": stack.restarts(f"{context}-worker-1") for context in CONTEXTS}
    left = [leave_one_worker(stack, context, "consumer.effect_committed:1") for context in CONTEXTS]
    names = dict(zip(CONTEXTS, await asyncio.gather(*left), strict=True))
    newcomer = await member(platform, "killed")

    async def all_died_and_came_back() -> bool:
        return all(stack.restarts(name) > before[name] for name in names.values())

    # Every context hears of a new user: handling that is what each worker dies of.
    await until("each worker dies at the failpoint", all_died_and_came_back)
    await stack.wait_ready(list(names.values()))
    user_id = UUID(str(newcomer.user_id))
    for context, name in names.items():
        port = stack.ports[name]
        repeated = f'impactnet_events_handled_total{{context="{context}",outcome="duplicate"'

        async def saw_it_again(port=port, repeated=repeated) -> bool:
            with contextlib.suppress(httpx.HTTPError):
                return await metric(port, repeated) >= 1
            return False

        await until(f"{context} is given the event again", saw_it_again)

        async def knows_the_newcomer(context=context) -> bool:
            known = await database(f"SELECT count(*) FROM {context}.user_standings WHERE user_id = $1", user_id)
            return known == 1

        await until(f"{context} knows the newcomer", knows_the_newcomer)
        twice = f"SELECT count(*) FROM (SELECT 1 FROM {context}.inbox GROUP BY event_id HAVING count(*) > 1) AS doubled"
        assert await database(twice) == 0, context
    for context in CONTEXTS:
        await stack.start_process(f"{context}-worker-2")
    await stack.wait_ready()


async def give(person, program_id: str, key: str) -> str:
    """Donate one naira, repeating under the same key until it is acknowledged; returns the transaction's id."""
    body = {"program_id": program_id, "amount": "1.00", "currency": "NGN", "on_behalf_of": None, "earmark": None}

    async def acknowledged():
        try:
            answer = await person.post("/transactions/donations/", body, key=key, expect=None)
        except httpx.HTTPError:
            return None
        if answer.status == 401:
            raise AssertionError(answer.body)
        # 409: the first attempt under this key is still being worked on.
        assert answer.status in (201, 404, 409, 500, 502, 503, 504), answer.body
        return answer["id"] if answer.status == 201 else None

    return await until(f"donation {key} is acknowledged", acknowledged, seconds=90)


async def all_completed(database, program_id: str, wanted: int) -> None:
    """Wait until so many donations of a programme have their block."""

    async def there() -> bool:
        query = "SELECT count(*) FROM ledger.blocks WHERE transaction_type = 'donation' AND data->>'program_id' = $1"
        return await database(query, program_id) >= wanted

    await until(f"{wanted} donations are in the chain", there, seconds=120)


async def assert_each_donation_counts_once(platform: Platform, database, program_id: str, ids: list[str]) -> None:
    """As many blocks as acknowledged donations, and the programme's money is their sum."""
    assert len(set(ids)) == len(ids)
    await all_completed(database, program_id, len(ids))
    query = "SELECT count(*) FROM ledger.blocks WHERE transaction_type = 'donation' AND data->>'program_id' = $1"
    assert await database(query, program_id) == len(ids)
    integrity = (await platform.anyone.get("/blockchain/integrity/")).body
    assert integrity["unbalanced_entries"] == 0
    (funds,) = [item for item in integrity["programs"] if item["program_id"] == program_id]
    assert Decimal(funds["available"]) == len(ids)


async def test_workers_killed_again_and_again_double_and_lose_nothing(stack: LocalStack, platform: Platform, database):
    people, program = await open_program(stack, platform, "Killed workers")
    killed = ("ledger", "applications", "feed")
    workers = [f"{context}-worker-{number}" for context in killed for number in (1, 2)]
    before = {name: stack.restarts(name) for name in workers}

    async def kill_workers() -> None:
        for turn in range(6):
            for context in killed:
                await stack.kill(f"{context}-worker-{1 + turn % 2}")
            await asyncio.sleep(1)

    killing = asyncio.create_task(kill_workers())
    ids = []
    for number in range(40):
        ids.append(await give(people.donor, program["id"], f"kill-{number}-{uuid4()}"))
        await asyncio.sleep(0.1)
    await killing
    await stack.wait_ready()
    assert [name for name in workers if stack.restarts(name) == before[name]] == [], "each of them died and came back"
    await assert_each_donation_counts_once(platform, database, program["id"], ids)
    await assert_the_chain_verifies(stack)


async def test_requests_go_on_while_the_broker_is_away_and_everything_arrives_afterwards(
    stack: LocalStack, platform: Platform, database
):
    people, program = await open_program(stack, platform, "Broker away")
    applicant = await member(platform, "before")
    await steps.apply(applicant, program["id"])
    await stack.broker.stop()
    ids: list[str] = []
    newcomers: list[Person] = []
    programs: list[str] = []
    loop = asyncio.get_running_loop()
    away_since = loop.time()
    try:
        # The promise: 20 s without a broker, and nobody who asks for something notices.
        while loop.time() - away_since < 20:
            ids.append(await give(people.donor, program["id"], f"away-{uuid4()}"))
            newcomers.append(await member(platform, "meanwhile"))
            programs.append((await people.admin.post("/programs/", draft(f"P{len(programs)}"), expect=201))["id"])
            await asyncio.sleep(0.5)
    finally:
        await stack.broker.start()
    assert len(ids) >= 5
    await assert_each_donation_counts_once(platform, database, program["id"], ids)
    for context in CONTEXTS:
        for newcomer in newcomers:

            async def known(context=context, newcomer=newcomer) -> bool:
                query = f"SELECT count(*) FROM {context}.user_standings WHERE user_id = $1"
                return await database(query, UUID(str(newcomer.user_id))) == 1

            await until(f"{context} hears of everyone", known, seconds=90)
    for program_id in programs:

        async def recorded(program_id=program_id) -> bool:
            query = (
                "SELECT count(*) FROM ledger.blocks"
                " WHERE transaction_type = 'program_create' AND data->>'program_id' = $1"
            )
            return await database(query, program_id) == 1

        await until("each programme has its one block", recorded, seconds=90)
    await assert_the_chain_verifies(stack)


def draft(title: str) -> dict[str, object]:
    """A programme's first body."""
    return {
        "title": title,
        "summary": "s",
        "description": "d",
        "category": "enterprise",
        "funder": "Acme",
        "budget": "1000.00",
        "currency": "NGN",
        "award_min": "1.00",
        "award_max": "100.00",
        "slots": 1,
        "location": "Kano",
        "open_date": "2026-01-01",
        "close_date": "2099-12-31",
        "review_quorum": 2,
    }


async def test_nothing_acknowledged_is_lost_when_postgres_restarts(stack: LocalStack, platform: Platform, database):
    people, program = await open_program(stack, platform, "Database restarts")
    await give(people.donor, program["id"], f"first-{uuid4()}")

    async def restart() -> None:
        await asyncio.sleep(1)
        await stack.postgres.restart()
        await asyncio.sleep(2)
        await stack.postgres.restart()

    restarting = asyncio.create_task(restart())
    keys = [f"restart-{number}-{uuid4()}" for number in range(30)]
    ids = []
    for key in keys:
        ids.append(await give(people.donor, program["id"], key))
        await asyncio.sleep(0.1)
    await restarting
    await stack.wait_ready()
    # Every acknowledgement still means the same: a repeat answers with the same transaction.
    assert [await give(people.donor, program["id"], key) for key in keys] == ids
    await all_completed(database, program["id"], len(ids) + 1)
    query = "SELECT count(*) FROM ledger.blocks WHERE transaction_type = 'donation' AND data->>'program_id' = $1"
    assert await database(query, program["id"]) == len(ids) + 1
    await assert_the_chain_verifies(stack)


async def test_a_redelivered_topic_changes_nothing(stack: LocalStack, platform: Platform, database):
    people, program = await open_program(stack, platform, "Redelivered")
    ids = [await give(people.donor, program["id"], f"again-{uuid4()}") for _ in range(3)]
    await all_completed(database, program["id"], len(ids))
    before = await database("SELECT count(*) FROM ledger.blocks")
    commands = [["-m", context, "replay", "--since", "2026-01-01T00:00:00"] for context in CONTEXTS]
    for done in await asyncio.gather(*(stack.run_command(command) for command in commands)):
        assert done.returncode == 0, done.stdout + done.stderr
    for context in CONTEXTS:

        async def sent_again(context=context) -> bool:
            return await database(f"SELECT count(*) FROM {context}.outbox WHERE published_at IS NULL") == 0

        await until(f"{context}'s events are out again", sent_again)
    marker = await member(platform, "marker")

    async def caught_up() -> bool:
        for context in CONTEXTS:
            query = f"SELECT count(*) FROM {context}.user_standings WHERE user_id = $1"
            if await database(query, UUID(str(marker.user_id))) == 0:
                return False
        return True

    await until("every service has read past the repeats", caught_up)
    assert await database("SELECT count(*) FROM ledger.blocks") == before
    await assert_each_donation_counts_once(platform, database, program["id"], ids)
    for context in CONTEXTS:
        assert await database(f"SELECT count(*) FROM {context}.parked_events") == 0
    await assert_the_chain_verifies(stack)
