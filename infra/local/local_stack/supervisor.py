"""Keeps parts running: what dies is started again, sooner at first and later after repeated deaths."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any, Final, Protocol, TypeVar

T = TypeVar("T")

_LOOK_SECONDS: Final = 0.1  # how late a death is noticed
_BACKOFF_SECONDS: Final = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)  # by how often it died in a row; the last for all later ones
_LIFE_SECONDS: Final = 30.0  # who lived that long starts counting anew

Say = Callable[[str], None]


class Part(Protocol):
    """Something that runs: PostgreSQL, the broker, object storage or one of our processes."""

    @property
    def name(self) -> str: ...

    @property
    def pid(self) -> int | None: ...

    @property
    def port(self) -> int | None: ...

    @property
    def log_path(self) -> Path: ...

    @property
    def is_running(self) -> bool: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def kill(self) -> None: ...


class LoopThread:
    """An event loop in a thread of its own, so that watching goes on whatever the caller's loop does.

    It also keeps the promise that children need: the thread which starts them lives as long as they do.
    """

    def __init__(self) -> None:
        self._running: tuple[asyncio.AbstractEventLoop, Thread] | None = None

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Does the work in the loop's thread, which starts now if it must; the caller's own loop is never blocked."""
        if self._running is None:
            loop = asyncio.new_event_loop()
            thread = Thread(target=loop.run_forever, name="local-stack", daemon=True)
            thread.start()
            self._running = loop, thread
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._running[0]))

    async def close(self) -> None:
        """Ends the thread, after its last work."""
        if self._running is None:
            return
        loop, thread = self._running
        await self.run(loop.shutdown_default_executor())
        self._running = None
        loop.call_soon_threadsafe(loop.stop)
        await asyncio.to_thread(thread.join)
        loop.close()


@dataclass(slots=True)
class _Kept:
    part: Part
    wanted: bool = True
    restarts: int = 0
    deaths_in_a_row: int = 0
    started_at: float = 0.0
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    watch: asyncio.Task[None] | None = None


class Supervisor:
    """Starts and watches parts. All its coroutines run in one loop (see LoopThread)."""

    def __init__(self, say: Say, on_change: Callable[[], None]) -> None:
        self._say = say
        self._on_change = on_change
        self._kept: dict[str, _Kept] = {}

    async def keep(self, part: Part) -> None:
        """Starts the part and watches it from then on; raises what its start raises."""
        kept = _Kept(part)
        self._kept[part.name] = kept  # before the start: one that fails half-way is still there to be stopped
        async with kept.busy:
            await self._start(kept)
        kept.watch = asyncio.create_task(self._watch(kept), name=f"watch {part.name}")

    @property
    def parts(self) -> list[Part]:
        """Everything that is watched, running or not."""
        return [kept.part for kept in self._kept.values()]

    def restarts(self, name: str) -> int:
        """How often the part was started again because it had died."""
        return self._one(name).restarts

    async def start(self, name: str) -> None:
        """Starts what was stopped; does nothing when it runs."""
        kept = self._one(name)
        async with kept.busy:
            kept.wanted = True
            kept.deaths_in_a_row = 0
            await self._start(kept)

    async def stop(self, name: str) -> None:
        """Stops the part, in order, until it is started again."""
        kept = self._one(name)
        async with kept.busy:
            kept.wanted = False
            await kept.part.stop()
        self._on_change()

    async def restart(self, name: str) -> None:
        await self.stop(name)
        await self.start(name)

    async def kill(self, name: str, *, comes_back: bool = True) -> None:
        """Ends the part as a crash would; it is started again, as after a crash, unless told otherwise."""
        kept = self._one(name)
        async with kept.busy:
            kept.wanted = comes_back
            await kept.part.kill()
        self._on_change()

    async def close(self) -> None:
        """Stops watching and forgets the parts; whatever runs goes on running."""
        watches = [kept.watch for kept in self._kept.values() if kept.watch is not None]
        for watch in watches:
            watch.cancel()
        await asyncio.gather(*watches, return_exceptions=True)
        self._kept.clear()

    async def _start(self, kept: _Kept) -> None:
        await kept.part.start()
        kept.started_at = time.monotonic()
        self._on_change()

    async def _watch(self, kept: _Kept) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if not kept.wanted or kept.part.is_running or kept.busy.locked():
                continue
            if time.monotonic() - kept.started_at > _LIFE_SECONDS:
                kept.deaths_in_a_row = 0
            delay = _BACKOFF_SECONDS[min(kept.deaths_in_a_row, len(_BACKOFF_SECONDS) - 1)]
            kept.deaths_in_a_row += 1
            self._say(f"{kept.part.name} ended; starting it again in {delay:g} s")
            await asyncio.sleep(delay)
            await self._start_again(kept)

    async def _start_again(self, kept: _Kept) -> None:
        async with kept.busy:
            if not kept.wanted or kept.part.is_running:  # stopped or started by hand meanwhile
                return
            kept.restarts += 1
            try:
                await self._start(kept)
            except (RuntimeError, OSError, TimeoutError) as error:
                self._say(f"{kept.part.name} did not start: {error}")

    def _one(self, name: str) -> _Kept:
        try:
            return self._kept[name]
        except KeyError:
            raise KeyError(f"there is no {name} here; there are {', '.join(sorted(self._kept))}") from None


class SupervisedPart:
    """A hand on one part, usable from any loop: what faults tests and the launcher stop, kill and start."""

    def __init__(self, supervisor: Supervisor, thread: LoopThread, part: Part) -> None:
        self._supervisor = supervisor
        self._thread = thread
        self._part = part

    @property
    def pid(self) -> int | None:
        return self._part.pid

    @property
    def is_running(self) -> bool:
        return self._part.is_running

    async def start(self) -> None:
        await self._thread.run(self._supervisor.start(self._part.name))

    async def stop(self) -> None:
        """Stops the part until `start`."""
        await self._thread.run(self._supervisor.stop(self._part.name))

    async def restart(self) -> None:
        await self._thread.run(self._supervisor.restart(self._part.name))

    async def kill(self, *, comes_back: bool = True) -> None:
        """Ends the part as a crash would; the supervisor starts it again unless told otherwise."""
        await self._thread.run(self._supervisor.kill(self._part.name, comes_back=comes_back))
