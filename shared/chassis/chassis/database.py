"""PostgreSQL: one pool per process, and the one place where anything is committed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.clock import Clock, SystemClock
from chassis.connecting import PARTING_SECONDS_MAX, patient_engine, pooled_engine
from chassis.execution import Execution, current_execution
from chassis.ids import new_id
from chassis.inserting import ROWS_IN_ONE_STATEMENT_MAX, Change, Command, Part, Rows, insert_together
from chassis.outbox import PendingEvent, announcing
from chassis.pinging import Lending
from contracts.fact import Fact

S = TypeVar("S")

# SQLSTATEs that say "the database is not there right now": connection trouble, no resources, shutting down, starting.
# Nor there for us: a role or a password that does not count (28), as while they are changed; no such database yet.
_AWAY_CLASSES: Final = ("08", "28", "53")
_AWAY_STATES: Final = ("57P01", "57P02", "57P03", "25P03", "3D000")
# SQLSTATEs that say "not now, try again": serialization, deadlock, lock not available, statement timeout.
_BUSY_STATES: Final = ("40001", "40P01", "55P03", "57014")
# What the driver raises of a statement that failed and of a connection that is not to be had or has ended.
_DRIVER_ERRORS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError)


def _sqlstate(error: DBAPIError) -> str | None:
    state = getattr(error.orig, "sqlstate", None)
    return None if state is None else str(state)


def database_is_away(error: BaseException) -> bool:
    """Whether an error says that the database cannot be reached, rather than that a statement was wrong."""
    if isinstance(error, DBAPIError):
        if error.connection_invalidated or isinstance(error, InterfaceError):
            return True
        state = _sqlstate(error)
        if state is not None:
            return state[:2] in _AWAY_CLASSES or state in _AWAY_STATES
        # Internal without a state: the driver lost its place in what the server said when it ended.
        return isinstance(error, OperationalError | InternalError)
    # The pool's own time-out: every connection is in use, or none can be made.
    return isinstance(error, OSError | TimeoutError | PoolTimeoutError)


def database_is_busy(error: BaseException) -> bool:
    """Whether the same request may well succeed in a moment: a lock or a statement took too long, or two collided."""
    return isinstance(error, DBAPIError) and _sqlstate(error) in _BUSY_STATES


class UnitOfWork:
    """One transaction and the facts announced in it; both become durable together, or neither.

    Use cases execute statements on `connection` and call `announce`; they never commit.
    """

    def __init__(self, connection: AsyncConnection, driver: asyncpg.Connection, clock: Clock) -> None:
        self.connection = connection
        self.driver = driver
        self._clock = clock
        self._now: datetime | None = None
        self._pending: list[PendingEvent] = []
        self._gathering: list[Callable[[], Sequence[Part]]] = []
        self._before_commit: list[Callable[[], Awaitable[None]]] = []
        self._after_commit: list[Callable[[], None]] = []
        self._shared: dict[type[Any], Any] = {}

    @property
    def now(self) -> datetime:
        """The time of this unit of work: one instant for everything in it."""
        if self._now is None:
            self._now = self._clock.now()
        return self._now

    def announce(self, fact: Fact, *, execution: Execution | None = None) -> UUID:
        """Tell the other contexts; the event's id is known at once, it is written at the commit.

        Its cause is the execution under way, unless another one is named.
        """
        event_id = new_id()
        cause = execution or current_execution()
        self._pending.append(PendingEvent(event_id=event_id, fact=fact, time=self.now, execution=cause))
        return event_id

    def share(self, kind: type[S], make: Callable[[], S]) -> S:
        """The one object of a kind that everything in this unit of work shares; made when first asked for."""
        if kind not in self._shared:
            self._shared[kind] = make()
        shared: S = self._shared[kind]
        return shared

    def before_commit(self, write: Callable[[], Awaitable[None]]) -> None:
        """Call `write` right before the commit: for what gathers its rows and writes them in one go."""
        self._before_commit.append(write)

    def after_commit(self, tell: Callable[[], None]) -> None:
        """Call `tell` once all of this is durable, and never if it is not: for what is counted. It must not raise."""
        self._after_commit.append(tell)

    def committed(self) -> None:
        for tell in self._after_commit:
            tell()

    async def begin(self) -> None:
        """Begin the transaction; `commit` or `roll_back` ends it.

        The driver is told so itself: SQLAlchemy's way of doing it takes longer than PostgreSQL does. In autocommit
        mode, in which `connection` is, it leaves transactions to us.
        """
        await self._say("BEGIN")

    async def commit(self) -> None:
        """Make it durable.

        Raises:
            sqlalchemy.exc.DBAPIError: a deferred constraint spoke, or the database has gone, and then nobody knows.
            RuntimeError: a statement had failed, and who asked for it went on as if it had not; nothing is kept.
        """
        if await self._say("COMMIT") != "COMMIT":
            raise RuntimeError("a statement of this transaction failed, and its error was not passed on")

    async def roll_back(self) -> None:
        """Keep nothing of it. A connection that cannot even be told so is not used again."""
        try:
            await self.driver.execute("ROLLBACK", timeout=PARTING_SECONDS_MAX)
        except BaseException as error:
            self.driver.terminate()
            await self.connection.invalidate(error)
            if not isinstance(error, Exception):
                raise

    async def _say(self, word: str) -> str:
        try:
            status: str = await self.driver.execute(word)
        except _DRIVER_ERRORS as error:
            raise await self._ours(error, word) from error
        return status

    async def _ours(self, error: Exception, statement: str) -> Exception:
        """Past SQLAlchemy the driver's own errors come; SQLAlchemy's are the only kind that callers know.

        And a connection that ended must be told to the pool, which does not see it here and would hand it out again.
        """
        if isinstance(error, TimeoutError):
            self.driver.terminate()  # it would wait for the end of the statement that it gave up, before any other
        # A driver that lost its place in what the server said, as when it ended within an answer, will not find it.
        has_ended = self.driver.is_closed() or isinstance(error, asyncpg.InternalClientError)
        if has_ended:
            await self.connection.invalidate(error)
        if isinstance(error, asyncpg.PostgresError):
            return DBAPIError(statement, None, error, hide_parameters=True)
        if has_ended:
            return InterfaceError(statement, None, error, hide_parameters=True)
        return RuntimeError(f"the driver refuses {statement}: {error}")  # a value that cannot be encoded: our fault

    async def fetch(self, statement: str, *arguments: Any) -> list[Any]:
        """Rows of a statement in PostgreSQL's own words ($1, $2), prepared once and kept by the driver.

        For the few statements that every event needs: SQLAlchemy's own way costs several times as much.

        Raises:
            sqlalchemy.exc.DBAPIError: as any statement of this unit of work would.
        """
        try:
            rows: list[Any] = await self.driver.fetch(statement, *arguments)
        except _DRIVER_ERRORS as error:
            raise await self._ours(error, statement) from error
        return rows

    def gather(self, make: Callable[[], Sequence[Part]]) -> None:
        """Let `make` give what is to be written, one change at most, when the unit of work ends: together with all."""
        self._gathering.append(make)

    async def insert(self, *parts: Part) -> None:
        """Insert rows into several tables, in this order where foreign keys need one. Values as asyncpg encodes them.

        A few rows go in one statement, with the commands and the change (one at most); many by COPY, at a tenth.

        Raises:
            sqlalchemy.exc.DBAPIError: as any statement of this unit of work would.
        """
        tables = [part for part in parts if isinstance(part, Rows) and part.records]
        changes = [part for part in parts if isinstance(part, Change)]
        commands = [part for part in parts if isinstance(part, Command)]
        if not tables and not changes and not commands:
            return
        if len(changes) <= 1 and sum(len(each.records) for each in tables) <= ROWS_IN_ONE_STATEMENT_MAX:
            await insert_together(self, self.driver, tables, changes[0] if changes else None, commands)
            return
        for rows in tables:
            await self._copy(rows)
        if commands:
            await insert_together(self, self.driver, [], None, commands)
        for change in changes:
            change.check(len(await self.fetch(change.statement, *change.arguments)))

    async def _copy(self, rows: Rows) -> None:
        try:
            await self.driver.copy_records_to_table(rows.table, columns=rows.columns, records=rows.records)
        except _DRIVER_ERRORS as error:
            raise await self._ours(error, f"COPY {rows.table}") from error

    async def flush(self) -> None:
        """Write what was gathered and announced; called once, right before the commit."""
        await self.insert(*await self.parts())

    async def parts(self) -> list[Part]:
        """What was gathered and announced, taken once."""
        for write in self._before_commit:
            await write()
        parts = [part for make in self._gathering for part in make()]
        pending, self._pending = self._pending, []
        if pending:
            parts.append(announcing(pending))
        return parts


class Database:
    """A pool of connections as one role. `url` is `postgresql+asyncpg://…`."""

    def __init__(
        self,
        url: str,
        *,
        application_name: str,
        pool_size: int = 5,
        pool_overflow: int = 10,
        statement_timeout_seconds: int = 15,
        clock: Clock | None = None,
    ) -> None:
        self.clock = clock or SystemClock()
        self.url = url
        self.engine = pooled_engine(
            url,
            application_name=application_name,
            pool_size=pool_size,
            pool_overflow=pool_overflow,
            statement_timeout_seconds=statement_timeout_seconds,
        )
        self._patient = patient_engine(url, application_name=application_name)
        # The same pool, for units of work, which begin and end their transactions themselves.
        autocommit = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._lending = Lending(autocommit, pool_size + pool_overflow)

    @asynccontextmanager
    async def unit_of_work(self, *, is_repeatable: bool = False) -> AsyncIterator[UnitOfWork]:
        """A transaction: committed when the block ends, rolled back when it raises. The only commit there is.

        `is_repeatable`: should the connection turn out to have ended a moment ago, the caller does it all again.
        """
        async with self.statements(is_repeatable=is_repeatable) as work:
            try:
                await work.begin()
                yield work
                await work.flush()
                await work.commit()
            except BaseException:
                await work.roll_back()
                raise
        work.committed()

    async def fetch(self, statement: str, *arguments: Any) -> list[Any]:
        """Rows of one statement that needs no unit of work, in PostgreSQL's own words: for a look often taken."""
        async with self.statements(is_repeatable=True) as work:
            return await work.fetch(statement, *arguments)

    @asynccontextmanager
    async def statements(self, *, is_repeatable: bool) -> AsyncIterator[UnitOfWork]:
        """A connection on which each statement is a transaction of its own; what is gathered is not written."""
        async with self._lending.lend(is_repeatable=is_repeatable) as (connection, driver):
            yield UnitOfWork(connection, driver, self.clock)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reading outside a unit of work; nothing written on it is kept."""
        async with self.engine.connect() as connection:
            yield connection
            await connection.rollback()

    @asynccontextmanager
    async def long_looking(self) -> AsyncIterator[AsyncConnection]:
        """A connection of its own, on which a statement may take hours."""
        async with self._patient.connect() as connection:
            try:
                yield connection
            except BaseException as error:
                # Its driver would wait for hours for the answer to a rollback, too, if the server is silent.
                if not connection.invalidated:
                    driver: Any = (await connection.get_raw_connection()).driver_connection
                    driver.terminate()
                    await connection.invalidate(error)
                raise

    async def is_reachable(self) -> bool:
        """Whether a statement gets an answer; never raises for a database that is away."""
        try:
            async with self.engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
        except Exception as error:
            if database_is_away(error):
                return False
            raise
        return True

    async def close(self) -> None:
        """Says goodbye to the server, if it listens: connections end with their process in any case."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PARTING_SECONDS_MAX):
                await self._lending.close()
                await self.engine.dispose()
