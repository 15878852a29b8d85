"""A tick runs until nothing is left to do; several at once where that is asked for."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest

from chassis.timers import Glance, Timer


class Work:
    """Pieces to be done; each waits until as many are under way as there ever will be."""

    def __init__(self, pieces: int, together: int, *, broken: int | None = None) -> None:
        self.left = list(range(pieces))
        self.done: list[int] = []
        self._broken = broken
        self._together = together
        self._under_way = 0
        self._all_here = asyncio.Event()
        self.begun = asyncio.Semaphore(0)
        self.is_first = True

    async def run(self) -> bool:
        if not self.left:
            return False
        piece = self.left.pop(0)
        if self.is_first:
            self.is_first = False
            self.done.append(piece)
            return True
        self._under_way += 1
        self.begun.release()
        if self._under_way == self._together:
            self._all_here.set()
        await self._all_here.wait()
        if piece == self._broken:
            raise LookupError(piece)
        self.done.append(piece)
        return True


def ticking(run: Callable[[], Awaitable[bool]], at_once: int) -> Awaitable[None]:
    return asyncio.wait_for(Timer("work", 3600, run, at_once).tick(), 5)


@pytest.mark.parametrize("at_once", [1, 4])
async def test_a_tick_ends_when_nothing_is_left_and_so_many_run_at_once(at_once):
    work = Work(20, at_once)
    await ticking(work.run, at_once)
    assert sorted(work.done) == list(range(20))


async def test_one_run_alone_finds_that_there_is_nothing_to_do():
    asked = 0

    async def nothing() -> bool:
        nonlocal asked
        asked += 1
        return False

    await ticking(nothing, 4)
    assert asked == 1


async def test_one_that_fails_says_so_once_the_others_have_done_theirs():
    work = Work(20, 4, broken=2)
    with pytest.raises(LookupError):
        await ticking(work.run, 4)
    assert sorted(work.done) == [piece for piece in range(20) if piece != 2]


async def test_all_of_them_end_when_the_timer_is_stopped():
    work = Work(20, 5)  # a fifth never comes
    running = asyncio.create_task(Timer("work", 3600, work.run, 4).run_forever())
    for _ in range(4):
        await work.begun.acquire()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(work.left) == 15
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


class Seen:
    """What a glance sees, and how often it looked."""

    def __init__(self, *names: str) -> None:
        self.names = set(names)
        self.looks = 0
        self.looked = asyncio.Semaphore(0)
        self.fails = False

    async def look(self) -> set[str]:
        self.looks += 1
        self.looked.release()
        if self.fails:
            raise LookupError("away")
        return set(self.names)


async def test_one_look_serves_all_timers_of_a_pass():
    seen = Seen("credit")
    glance = Glance(seen.look, holds_seconds=3600)
    assert await asyncio.gather(*map(glance.sees, ["credit", "refund", "credit"])) == [True, False, True]
    assert seen.looks == 1


async def test_a_look_does_not_hold_for_the_next_pass():
    seen = Seen()
    glance = Glance(seen.look, holds_seconds=0)
    assert not await glance.sees("credit")
    seen.names.add("credit")
    assert await glance.sees("credit")


async def test_a_look_that_fails_is_taken_again():
    seen = Seen("credit")
    glance = Glance(seen.look, holds_seconds=3600)
    seen.fails = True
    with pytest.raises(LookupError):
        await glance.sees("credit")
    seen.fails = False
    assert await glance.sees("credit")


async def test_a_timer_with_a_glance_runs_once_that_sees_something_to_do():
    seen = Seen()
    ran = asyncio.Event()

    async def run() -> bool:
        ran.set()
        return False

    running = asyncio.create_task(Timer("credit", 0.01, run, glance=Glance(seen.look, holds_seconds=0)).run_forever())
    try:
        async with asyncio.timeout(10):
            for _ in range(3):
                await seen.looked.acquire()
            assert not ran.is_set()
            seen.names.add("credit")
            await ran.wait()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("fails", [False, True])
async def test_a_timer_ends_when_its_look_has_swallowed_the_request_to(fails):
    """As clients built on `asyncio.wait_for` do before Python 3.12."""
    looking = asyncio.Event()

    async def look() -> set[str]:
        looking.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        if fails:
            raise LookupError("away")
        return set()

    running = asyncio.create_task(Timer("credit", 3600, Work(0, 1).run, glance=Glance(look)).run_forever())
    await looking.wait()
    running.cancel()
    _, still_running = await asyncio.wait([running], timeout=5)
    running.cancel()
    assert not still_running
