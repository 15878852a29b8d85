"""Timers: work that comes by the clock, in the worker; a tick that fails is logged and the next one tries again."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Final

import structlog

from chassis.database import database_is_away
from chassis.stopping import stop_if_asked

log = structlog.get_logger(__name__)

# After a failed tick: long enough not to flood the log, short enough that nothing waits noticeably.
FAULT_PAUSE_SECONDS: Final = 2.0

# Timers that began together ask within milliseconds of each other; what comes just after waits for the next time.
GLANCE_SECONDS: Final = 0.1


class Glance:
    """One look for several timers, most of which have nothing to do most of the time: `look` names those that have.

    It may name too many, never too few.
    """

    def __init__(
        self, look: Callable[[], Awaitable[Collection[str]]], *, holds_seconds: float = GLANCE_SECONDS
    ) -> None:
        self._look = look
        self._holds_seconds = holds_seconds
        self._seen: Collection[str] = ()
        self._looked_at = -math.inf
        self._looking = asyncio.Lock()

    async def sees(self, timer_name: str) -> bool:
        """Whether that timer has something to do."""
        async with self._looking:
            if time.monotonic() - self._looked_at > self._holds_seconds:
                self._seen = await self._look()
                self._looked_at = time.monotonic()
            return timer_name in self._seen

    def forget(self) -> None:
        """Whoever asks next looks."""
        self._looked_at = -math.inf


@dataclass(frozen=True, slots=True)
class Timer:
    """`run` every `every_seconds`; answering True means there is more to do: run again at once.

    Several workers tick: `run` takes its rows `FOR UPDATE SKIP LOCKED`, or holds a lease. `at_once` runs of one worker
    share the work when there is more than one's: for what waits for others most of the time. With a `glance` it runs
    only when that sees something to do.
    """

    name: str
    every_seconds: float
    run: Callable[[], Awaitable[bool | None]]
    at_once: int = 1
    glance: Glance | None = None

    async def run_forever(self) -> None:
        while True:
            pause_seconds = self.every_seconds
            try:
                if self.glance is None or await self.glance.sees(self.name):
                    await self.tick()
            except Exception as error:
                if database_is_away(error):
                    log.warning("timer_database_away", timer=self.name)
                else:
                    log.error("timer_failed", timer=self.name, exc_info=error)
                pause_seconds = max(pause_seconds, FAULT_PAUSE_SECONDS)
            stop_if_asked()
            await asyncio.sleep(pause_seconds)

    async def tick(self) -> None:
        """Run until there is nothing more to do.

        Raises:
            What the first run to fail has raised, once the others have done what they can.
        """
        failures: list[Exception] = []

        async def run_on() -> None:
            try:
                while await self.run():
                    stop_if_asked()
                stop_if_asked()
            except Exception as error:  # noqa: BLE001 -- raised below; it must not end the others in the middle of theirs
                failures.append(error)

        if self.at_once == 1:
            await run_on()
        elif await self.run():
            async with asyncio.TaskGroup() as group:
                for _ in range(self.at_once):
                    group.create_task(run_on())
        if failures:
            raise failures[0]
