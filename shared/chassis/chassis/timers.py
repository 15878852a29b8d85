"""Timers: work that comes by the clock, in the worker; a tick that fails is logged and the next one tries again."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog

from chassis.database import database_is_away
from chassis.stopping import stop_if_asked

log = structlog.get_logger(__name__)

# After a failed tick: long enough not to flood the log, short enough that nothing waits noticeably.
FAULT_PAUSE_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Timer:
    """`run` every `every_seconds`; answering True means there is more to do: run again at once.

    Several workers tick: `run` takes its rows `FOR UPDATE SKIP LOCKED`, or holds a lease.
    """

    name: str
    every_seconds: float
    run: Callable[[], Awaitable[bool | None]]

    async def run_forever(self) -> None:
        while True:
            try:
                while await self.run():
                    stop_if_asked()
                stop_if_asked()
                await asyncio.sleep(self.every_seconds)
            except Exception as error:
                if database_is_away(error):
                    log.warning("timer_database_away", timer=self.name)
                else:
                    log.error("timer_failed", timer=self.name, exc_info=error)
                await asyncio.sleep(max(self.every_seconds, FAULT_PAUSE_SECONDS))
