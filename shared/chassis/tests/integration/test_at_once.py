"""One statement on conditions: all of it, or nothing; and the connection that is kept for what follows close behind."""

import asyncio

import pytest
from shared.chassis.tests.integration.events import count
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from chassis.at_once import AsksDatabaseError, assumed_work, keep
from chassis.clock import SystemClock
from chassis.database import Database, database_is_away
from chassis.ids import new_id
from chassis.inserting import ROWS_IN_ONE_STATEMENT_MAX, Change, Command, Rows
from chassis.pinging import PING_AFTER_SECONDS
from contracts.programs import ProgramCreated

NOTE = ("note_id", "name")
NOTES = "SELECT count(*) FROM notes"
HOLDS, DOES_NOT = Command("", ("a",), "$1 = 'a'"), Command("", ("b",), "$1 = 'a'")


@pytest.fixture
async def database(sample_urls):
    opened = Database(sample_urls["programs_worker"], application_name="test-at-once")
    yield opened
    await opened.close()


def note(name: str | None = None) -> Rows:
    return Rows("notes", NOTE, [(new_id(), name or f"note {new_id()}")])


def renaming(earlier: Rows, name: str) -> Change:
    def check(touched: int) -> None:
        assert touched == 1

    statement = "UPDATE notes SET name = $2 WHERE note_id = $1 RETURNING note_id"
    return Change(statement, (earlier.records[0][0], name), check)


async def test_it_is_kept_where_every_condition_holds(database):
    earlier = note()
    assert await keep(database, [earlier, HOLDS])
    assert await keep(database, [note(), HOLDS, renaming(earlier, "renamed"), HOLDS])
    assert await count(database, NOTES) == 2
    assert await count(database, f"{NOTES} WHERE name = 'renamed'") == 1


@pytest.mark.parametrize("conditions", [[DOES_NOT], [HOLDS, DOES_NOT], [DOES_NOT, HOLDS]])
async def test_nothing_is_kept_where_one_does_not(database, conditions):
    earlier = note()
    assert await keep(database, [earlier])
    assert not await keep(database, [note(), renaming(earlier, "renamed"), *conditions])
    assert await count(database, NOTES) == 1
    assert await count(database, f"{NOTES} WHERE name = 'renamed'") == 0


async def test_a_change_that_touches_nothing_is_a_condition_too(database):
    assert not await keep(database, [note(), HOLDS, renaming(note(), "renamed")])
    assert await count(database, NOTES) == 0


async def test_a_constraint_refuses_all_of_it_and_announces_nothing(database):
    assert await keep(database, [note("taken"), HOLDS])
    work = assumed_work(SystemClock())
    work.announce(ProgramCreated(program_id=new_id(), currency="NGN"))
    assert not await keep(database, [note(), note("taken"), HOLDS, *await work.parts()])
    assert (await count(database, NOTES), await count(database, "SELECT count(*) FROM outbox")) == (1, 0)


@pytest.mark.parametrize("name", ["NUL \x00", 7], ids=["what text cannot hold", "what is no text"])
async def test_a_value_that_cannot_be_written_is_a_refusal(database, name):
    assert not await keep(database, [Rows("notes", NOTE, [(new_id(), name)]), HOLDS])
    assert await keep(database, [note(), HOLDS])
    assert await count(database, NOTES) == 1


async def test_more_than_one_statement_takes_is_not_tried(database):
    rows = Rows("notes", NOTE, [(new_id(), f"note {new_id()}") for _ in range(ROWS_IN_ONE_STATEMENT_MAX + 1)])
    assert not await keep(database, [rows, HOLDS])
    assert await count(database, NOTES) == 0


async def test_a_session_that_ends_in_it_is_a_fault_and_no_refusal(database):
    ends = Command("ended AS MATERIALIZED (SELECT pg_terminate_backend(pg_backend_pid()) AS is_so)", ("a",), "$1 = 'a'")
    asks = Command("", ("a",), "$1 = 'a' AND (SELECT is_so FROM ended)")
    with pytest.raises(DBAPIError) as raised:
        await keep(database, [note(), ends, asks])
    assert database_is_away(raised.value)
    assert await keep(database, [note()])
    assert await count(database, NOTES) == 1


async def test_a_handler_that_asks_is_refused():
    work = assumed_work(SystemClock())
    with pytest.raises(AsksDatabaseError):
        await work.connection.execute(text("SELECT 1"))
    with pytest.raises(AsksDatabaseError):
        await work.fetch("SELECT 1")
    with pytest.raises(AsksDatabaseError):
        await work.insert(note())


async def session(database: Database, *, is_repeatable: bool = True) -> int:
    async with database.statements(is_repeatable=is_repeatable) as work:
        [row] = await work.fetch("SELECT pg_backend_pid() AS pid")
    return int(row["pid"])


async def test_what_follows_close_behind_has_the_same_connection(database):
    first = await session(database)
    assert {await session(database) for _ in range(5)} == {first}
    assert database.engine.pool.checkedout() == 1


async def test_two_at_once_have_one_each_and_only_one_is_kept(database):
    async with database.statements(is_repeatable=True) as one, database.statements(is_repeatable=True) as two:
        assert one.driver is not two.driver
    assert database.engine.pool.checkedout() == 1


async def test_after_an_error_it_is_the_pool_that_sees_to_the_connection(database):
    with pytest.raises(DBAPIError):
        async with database.statements(is_repeatable=True) as work:
            await work.fetch("SELECT 1 / 0")
    assert database.engine.pool.checkedout() == 0


async def test_after_a_rest_the_pool_looks_whether_it_is_still_there(database):
    await session(database)
    await count(
        database,
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        " AND application_name = 'test-at-once'",
    )
    await asyncio.sleep(PING_AFTER_SECONDS + 0.1)
    assert await session(database) > 0


async def test_the_only_connection_of_a_pool_is_never_kept(sample_urls):
    database = Database(sample_urls["programs_worker"], application_name="test", pool_size=1, pool_overflow=0)
    await session(database)
    assert await count(database, "SELECT 1") == 1
    await database.close()


async def test_nothing_is_kept_of_a_database_that_is_closed(database):
    await session(database)
    await database.close()
    assert database.engine.pool.checkedout() == 0
