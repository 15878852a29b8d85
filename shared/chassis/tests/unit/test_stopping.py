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


async def test_nobody_is_stopped_unasked():
    stop_if_asked()
    await asyncio.create_task(asyncio.to_thread(lambda: None))
    stop_if_asked()
