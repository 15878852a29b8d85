"""How we connect to PostgreSQL: what is asked of each session, and how long anybody waits for what."""

from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import InterfaceError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from chassis.pinging import ping_after_rest

# How long a connection attempt or a wait for a pooled connection may take: clients hear 503 within 5 s.
CONNECT_TIMEOUT_SECONDS: Final = 4
# A lock that is not had in this time means a stuck neighbour; refusing frees the connection for others.
LOCK_TIMEOUT_SECONDS: Final = 5
# The server itself ends what exceeds its statement time-out. One that says nothing for so long after that was stopped
# or went without a word, its machine or the network with it: nobody would ever hear from it again.
SILENCE_SECONDS_MAX: Final = 5
# A rollback or a goodbye takes the server a millisecond; whoever waits longer for one waits for nothing.
PARTING_SECONDS_MAX: Final = 3
# The longest single statement of a look at all books, which may take a night's hours but not a day's.
LONG_LOOK_SECONDS_MAX: Final = 4 * 3600


def pooled_engine(
    url: str, *, application_name: str, pool_size: int, pool_overflow: int, statement_timeout_seconds: int
) -> AsyncEngine:
    """For all work of a process: what takes longer than the statement time-out is a fault, not work."""
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_overflow,
        pool_timeout=CONNECT_TIMEOUT_SECONDS,
        # Parameters hold what people wrote: errors must not carry them into logs or dead letters.
        hide_parameters=True,
        connect_args=_connect_args(application_name, statement_timeout_seconds),
    )
    ping_after_rest(engine)
    _give_up_the_silent(engine)
    return engine


def patient_engine(url: str, *, application_name: str) -> AsyncEngine:
    """For a look at all books: connections of their own, opened when asked for, whose statements may take hours."""
    engine = create_async_engine(
        url,
        poolclass=NullPool,
        hide_parameters=True,
        connect_args=_connect_args(application_name, LONG_LOOK_SECONDS_MAX),
    )
    _give_up_the_silent(engine)
    return engine


def _connect_args(application_name: str, statement_timeout_seconds: int) -> dict[str, Any]:
    return {
        "timeout": CONNECT_TIMEOUT_SECONDS,
        "command_timeout": statement_timeout_seconds + SILENCE_SECONDS_MAX,
        "server_settings": {
            "application_name": application_name,
            "timezone": "UTC",
            "statement_timeout": f"{statement_timeout_seconds}s",
            "lock_timeout": f"{LOCK_TIMEOUT_SECONDS}s",
            # A client that froze inside a transaction must not hold its locks for ever.
            "idle_in_transaction_session_timeout": "60s",
            "jit": "off",
        },
    }


def _give_up_the_silent(engine: AsyncEngine) -> None:
    """Ends a connection on which a statement was not answered in time, and says so as of any that ended.

    Its driver would wait for the end of that statement before each further one.
    """

    @event.listens_for(engine.sync_engine, "handle_error", retval=True)
    def give_up(context: ExceptionContext) -> BaseException | None:
        silence = context.original_exception
        if not isinstance(silence, TimeoutError) or context.connection is None:
            return None
        if not context.connection.invalidated:
            driver = context.connection.connection.driver_connection
            if driver is not None:
                driver.terminate()
        # The others of the pool may be as well as before: each is asked when its turn comes.
        context.is_disconnect, context.invalidate_pool_on_disconnect = True, False
        return InterfaceError(context.statement, None, silence, hide_parameters=True)
