"""What a unit of work writes in one go, and what becomes of a connection that ended while nobody used it."""

import asyncio
import contextlib

import asyncpg
import pytest
from shared.chassis.tests.integration.events import count, eventually
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InternalError

from chassis.database import Database, database_is_away
from chassis.ids import new_id
from chassis.inserting import ROWS_IN_ONE_STATEMENT_MAX, Change, Rows
from chassis.pinging import PING_AFTER_SECONDS

NOTE = ("note_id", "name")


@pytest.fixture
async def database(sample_urls):
    opened = Database(sample_urls["programs_worker"], application_name="test", pool_size=1, pool_overflow=0)
    yield opened
    await opened.close()


@pytest.fixture
async def other(sample_urls):
    opened = Database(sample_urls["programs_worker"], application_name="test-other")
    yield opened
    await opened.close()


def notes(number: int) -> Rows:
    return Rows("notes", NOTE, [(new_id(), f"note {new_id()}") for _ in range(number)])


def renaming(note_id, found: list[int], *, must_be: int = 1) -> Change:
    def check(touched: int) -> None:
        found.append(touched)
        if touched != must_be:
            raise LookupError("touched another number of rows")

    return Change("UPDATE notes SET name = $2 WHERE note_id = $1 RETURNING note_id", (note_id, "renamed"), check)


# One statement up to the limit, COPY beyond it; nobody else is to see a difference.
SIZES = [1, ROWS_IN_ONE_STATEMENT_MAX, ROWS_IN_ONE_STATEMENT_MAX + 1, 300]


@pytest.mark.parametrize("size", SIZES)
async def test_few_rows_and_many_are_written_with_the_change_that_goes_with_them(database, size):
    earlier, rows = notes(1), notes(size)
    touched: list[int] = []
    async with database.unit_of_work() as work:
        await work.insert(earlier)
    async with database.unit_of_work() as work:
        work.gather(lambda: [rows, Rows("notes", NOTE, []), renaming(earlier.records[0][0], touched)])
    assert touched == [1]
    assert await count(database, "SELECT count(*) FROM notes WHERE name LIKE 'note %'") == size
    assert await count(database, "SELECT count(*) FROM notes WHERE name = 'renamed'") == 1


@pytest.mark.parametrize("size", SIZES)
async def test_a_change_that_finds_nothing_to_change_takes_the_rows_with_it(database, size):
    touched: list[int] = []
    with pytest.raises(LookupError):
        async with database.unit_of_work() as work:
            work.gather(lambda: [notes(size), renaming(new_id(), touched)])
    assert touched == [0]
    assert await count(database, "SELECT count(*) FROM notes") == 0


@pytest.mark.parametrize("size", SIZES)
async def test_what_the_database_refuses_is_refused_as_any_statement_would_be(database, size):
    twice = new_id()
    with pytest.raises(DBAPIError) as refused:
        async with database.unit_of_work() as work:
            await work.insert(notes(size), Rows("notes", NOTE, [(twice, "one"), (twice, "two")]))
    assert getattr(refused.value.orig, "sqlstate", None) == "23505"
    assert "one" not in str(refused.value), "what people wrote stays out of errors"
    assert not database_is_away(refused.value)
    assert await count(database, "SELECT count(*) FROM notes") == 0


async def test_a_statement_in_the_databases_own_words_belongs_to_the_transaction(database):
    async def write_and_fail() -> None:
        async with database.unit_of_work() as work:
            [first] = await work.fetch("INSERT INTO notes VALUES ($1, $2) RETURNING name", new_id(), "first")
            [second] = await work.fetch("INSERT INTO notes VALUES ($1, $2) RETURNING name", new_id(), "second")
            assert (first["name"], second["name"]) == ("first", "second")
            raise LookupError

    with pytest.raises(LookupError):
        await write_and_fail()
    assert await count(database, "SELECT count(*) FROM notes") == 0


async def end_session(pid: int, by: Database) -> None:
    async with by.reading() as connection:
        assert await connection.scalar(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})


async def end_its_session(database: Database, by: Database) -> None:
    async with database.reading() as connection:
        pid = await connection.scalar(text("SELECT pg_backend_pid()"))
    await end_session(int(pid or 0), by)


@pytest.mark.parametrize("rest_seconds", [0, PING_AFTER_SECONDS + 0.1])
async def test_a_connection_that_ended_while_nobody_used_it_is_replaced_before_work_is_put_on_it(
    database, other, rest_seconds
):
    await end_its_session(database, other)
    await asyncio.sleep(rest_seconds)
    async with database.unit_of_work(is_repeatable=rest_seconds > 0) as work:
        await work.insert(notes(1))
    assert await count(database, "SELECT count(*) FROM notes") == 1


async def test_to_who_does_it_again_anyway_one_that_ended_a_moment_ago_says_so_once(database, other):
    await end_its_session(database, other)
    with pytest.raises(DBAPIError) as error:
        async with database.unit_of_work(is_repeatable=True) as work:
            await work.insert(notes(1))
    assert database_is_away(error.value)
    async with database.unit_of_work(is_repeatable=True) as work:
        await work.insert(notes(1))
    assert await count(database, "SELECT count(*) FROM notes") == 1


def test_a_driver_that_lost_its_place_is_a_connection_that_ended_and_a_fault_of_the_server_is_none():
    """The first is what is left of a server that stops within an answer; the second has a state of its own."""
    assert database_is_away(InternalError("SELECT", None, asyncpg.InternalClientError("an unexpected message")))
    assert not database_is_away(InternalError("SELECT", None, asyncpg.InternalServerError("cache lookup failed")))


@pytest.mark.parametrize("size", [1, 300])
async def test_one_that_ends_in_the_middle_of_a_transaction_is_never_handed_out_again(database, other, size):
    async def break_in_the_middle() -> None:
        async with database.unit_of_work(is_repeatable=True) as work:
            [row] = await work.fetch("SELECT pg_backend_pid() AS pid")
            await end_session(row["pid"], other)
            await work.insert(notes(size))

    with pytest.raises(DBAPIError) as error:
        await break_in_the_middle()
    assert database_is_away(error.value)
    async with database.unit_of_work(is_repeatable=True) as work:
        await work.insert(notes(size))
    assert await count(database, "SELECT count(*) FROM notes") == size


async def test_what_is_told_after_the_commit_is_told_when_it_is_durable_and_not_when_it_is_not(database, other):
    seen: list[str] = []
    async with database.unit_of_work() as work:
        work.gather(lambda: [notes(1)])
        work.after_commit(lambda: seen.append("told"))
        assert seen == []
    assert seen == ["told"]

    async def fail(spoil) -> None:
        async with database.unit_of_work() as work:
            await work.connection.execute(text("SELECT 1"))
            work.after_commit(lambda: seen.append("told of nothing"))
            spoil(work)

    for spoil in (
        lambda work: work.gather(lambda: [notes(1), renaming(new_id(), [])]),
        lambda work: work.connection.sync_connection.connection.driver_connection.terminate(),
    ):
        with pytest.raises((LookupError, DBAPIError)):
            await fail(spoil)
    assert seen == ["told"]
    assert await count(other, "SELECT count(*) FROM notes") == 1


async def test_who_goes_on_after_a_failed_statement_is_told_that_nothing_is_kept(database):
    """PostgreSQL answers such a commit with a rollback and no error: what was acknowledged would not be there."""

    async def swallow_an_error() -> None:
        async with database.unit_of_work() as work:
            await work.insert(notes(1))
            with contextlib.suppress(DBAPIError):
                await work.fetch("SELECT 1 / 0")

    with pytest.raises(RuntimeError, match="not passed on"):
        await swallow_an_error()
    assert await count(database, "SELECT count(*) FROM notes") == 0


@pytest.mark.parametrize("in_own_words", [True, False])
async def test_one_who_is_cancelled_at_a_statement_leaves_no_transaction_open(database, other, in_own_words):
    reached = asyncio.Event()

    async def wait_long() -> None:
        async with database.unit_of_work() as work:
            await work.insert(notes(1))
            reached.set()
            if in_own_words:
                await work.fetch("SELECT pg_sleep(10)")
            else:
                await work.connection.execute(text("SELECT pg_sleep(10)"))

    waiting = asyncio.create_task(wait_long())
    await reached.wait()
    await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    open_ones = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle'"

    async def none_is_open() -> bool:
        return await count(other, f"{open_ones} AND pid <> pg_backend_pid()") == 0

    await eventually(none_is_open)
    assert await count(database, "SELECT count(*) FROM notes") == 0
