"""A line to PostgreSQL that is cut, held up, or reported at exactly the n-th thing a client says."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit, urlunsplit

import structlog

log = structlog.get_logger(__name__)

# A part of a COPY gets no answer: after this long nobody waits for one any more.
ANSWER_SECONDS_MAX = 0.2
_PIECE_BYTES = 1 << 16


class Fault(StrEnum):
    """What happens to the n-th thing said: each await on the database is one."""

    LOST = "lost"  # the connection breaks before the server hears it
    UNANSWERED = "unanswered"  # the server hears and does it; the connection breaks before its answer arrives
    CANCELLED = "cancelled"  # the connection lives; whoever waits for the answer is cancelled
    HELD = "held"  # said only once `release` is called


@dataclass(slots=True)
class _Trap:
    position: int
    fault: Fault
    cancel: Callable[[], object]
    words: bytes
    passed: int = 0
    is_sprung: bool = False


@dataclass(slots=True)
class _Call:
    """One connection: the client's streams and the server's, and the answers that are yet to be let through."""

    from_client: asyncio.StreamReader
    to_client: asyncio.StreamWriter
    from_server: asyncio.StreamReader
    to_server: asyncio.StreamWriter
    answered: asyncio.Event
    is_muted: bool = False

    def hang_up(self) -> None:
        for writer in (self.to_client, self.to_server):
            writer.transport.abort()


class CutLine:
    """Passes on what clients of one worker say to the server, and sets one trap at a time. Made by `cut_line`."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._trap: _Trap | None = None
        self._released = asyncio.Event()
        self._calls: set[asyncio.Task[None]] = set()
        self.reached = asyncio.Event()

    def set_trap(
        self, position: int, fault: Fault, cancel: Callable[[], object] = lambda: None, words: bytes = b""
    ) -> None:
        """The `position`-th thing said from now on (1 is the next) meets the fault; all after it goes through.

        Only what has these words in it counts.
        """
        self._trap = _Trap(position, fault, cancel, words)
        self._released.clear()
        self.reached.clear()

    def release(self) -> bool:
        """Take the trap away and let go what it holds; whether it had sprung."""
        trap, self._trap = self._trap, None
        self._released.set()
        return trap is not None and trap.is_sprung

    async def serve(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)
        try:
            from_server, to_server = await asyncio.open_connection(*self._server)
        except OSError:
            to_client.transport.abort()
            return
        call = _Call(from_client, to_client, from_server, to_server, asyncio.Event())
        answering = asyncio.create_task(self._answer(call))
        try:
            while said := await call.from_client.read(_PIECE_BYTES):
                if not await self._pass_on(call, said):
                    return
        except (OSError, asyncio.CancelledError):
            return
        finally:
            call.hang_up()
            answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)

    async def close(self) -> None:
        for call in list(self._calls):
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    async def _pass_on(self, call: _Call, said: bytes) -> bool:
        """False when the connection is to end here."""
        fault = self._fault_now(said)
        if fault is Fault.LOST:
            return False
        if fault is Fault.HELD:
            await self._released.wait()
        if fault is Fault.UNANSWERED:
            call.is_muted = True
            call.answered.clear()
        if fault is Fault.CANCELLED and self._trap is not None:
            self._trap.cancel()
        call.to_server.write(said)
        await call.to_server.drain()
        if fault is Fault.UNANSWERED:
            # Until the server has done what it was told; what has no answer has had its time.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(call.answered.wait(), ANSWER_SECONDS_MAX)
            return False
        return True

    async def _answer(self, call: _Call) -> None:
        try:
            while answer := await call.from_server.read(_PIECE_BYTES):
                call.answered.set()
                if not call.is_muted:
                    call.to_client.write(answer)
                    await call.to_client.drain()
        except OSError as error:
            # Either side may hang up at any byte, which is what this line is for; the test says what must hold then.
            log.debug("line_ended", error=type(error).__name__)
        finally:
            call.hang_up()

    def _fault_now(self, said: bytes) -> Fault | None:
        trap = self._trap
        if trap is None or trap.is_sprung or trap.words not in said:
            return None
        trap.passed += 1
        if trap.passed < trap.position:
            return None
        trap.is_sprung = True
        self.reached.set()
        return trap.fault


@asynccontextmanager
async def cut_line(url: str) -> AsyncIterator[tuple[CutLine, str]]:
    """A line to the server of a database's URL, and the URL of the same database over that line."""
    parts = urlsplit(url)
    line = CutLine(parts.hostname or "127.0.0.1", parts.port or 5432)
    server = await asyncio.start_server(line.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    credentials = parts.netloc.rpartition("@")[0]
    try:
        yield line, urlunsplit(parts._replace(netloc=f"{credentials}@127.0.0.1:{port}"))
    finally:
        server.close()
        await line.close()
        await server.wait_closed()
