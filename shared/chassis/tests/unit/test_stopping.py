"""Loops that run until they are cancelled end when they are, whatever swallows it on the way."""

import asyncio

import pytest

from chassis.stopping import stop_if_asked
from chassis.timers import Timer


async def test_a_timer_ends_though_what_it_runs_swallowed_the_request_to_stop():
    swallowed = asyncio.Event()

    async def swallow() -> bool:
        # As `asyncio.wait_for` does when what it waits for ends at the same moment.
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            swallowed.set()
        return False

    running = asyncio.create_task(Timer("swallowing", 3600, swallow).run_forever())
    await asyncio.sleep(0.01)
    running.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await running
    assert swallowed.is_set()


async def test_who_was_not_asked_goes_on_and_so_does_who_was_only_out_of_time():
    turns = 0

    async def go_on() -> None:
        nonlocal turns
        for _ in range(3):
            stop_if_asked()
            # A time-out cancels too, and takes it back: that is nobody asking us to stop.
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.001):
                    await asyncio.Event().wait()
            turns += 1

    await asyncio.create_task(go_on())
    assert turns == 3
