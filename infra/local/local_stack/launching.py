"""Runs the system for someone at a terminal: starts it, says so, and keeps it until it is asked to stop."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from local_stack import screen
from local_stack.demo_users import seed
from local_stack.layout import taken_ports
from local_stack.running import Running, claim, find_running, read_processes
from local_stack.stack import LocalStack, StackError

_LEFTOVERS_SECONDS_MAX: Final = 40.0  # a killed launcher's services are gone at once; the broker and database flush
_READY_SECONDS_MAX: Final = 180.0  # for a system that another launcher is starting just now

Play = Callable[[str], Awaitable[None]]
"""Something to do with a running system, told the gateway's URL."""


class PortsTakenError(RuntimeError):
    """Ports that the system needs are held by other programs; the terminal has been told which."""


async def keep_up(stack: LocalStack) -> None:
    """Starts the system, shows the page, and keeps it until SIGINT or SIGTERM.

    Raises:
        AlreadyRunsError, PortsTakenError, StackError, and what parts raise that do not start.
    """

    async def stay(began: float) -> None:
        screen.show_up(stack, seconds=time.monotonic() - began)
        await asyncio.Event().wait()

    await _run(stack, stay)


async def play(stack: LocalStack, what: Play) -> None:
    """Does something with the system that runs on this state, or starts it for that long.

    Raises:
        PortsTakenError, StackError, what parts raise that do not start, and what `what` raises.
    """

    async def play_once(_: float) -> None:
        await what(stack.gateway_url)

    running = find_running(stack.state)
    if running is None:
        screen.say("ImpactNet does not run here yet: starting it for this (`make up` keeps one running)")
        await _run(stack, play_once)
        return
    await what((await _wait_until_ready(stack.state)).gateway_url)


async def _run(stack: LocalStack, then: Callable[[float], Awaitable[None]]) -> None:
    with claim(stack.state, stack.ports, stack.broker_choice.flavor) as ready:
        await asyncio.to_thread(wait_for_leftovers, stack.state)
        taken = taken_ports(stack.ports)
        if taken:
            screen.show_taken_ports(taken)
            raise PortsTakenError
        asked_to_stop = _on_stop_signals()
        work = asyncio.create_task(_start_and(stack, ready, then))
        asked = asyncio.create_task(asked_to_stop.wait())
        await asyncio.wait({work, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        work.cancel()  # does nothing to work that is done
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await work
        finally:
            screen.say("stopping (a second Ctrl-C stops at once)")
            await stack.stop()
            screen.say("stopped")


async def _start_and(stack: LocalStack, ready: Callable[[], None], then: Callable[[float], Awaitable[None]]) -> None:
    began = time.monotonic()
    await stack.start()
    await seed(stack)
    ready()
    await then(began)


async def _wait_until_ready(state: Path) -> Running:
    deadline = time.monotonic() + _READY_SECONDS_MAX
    while time.monotonic() < deadline:
        running = find_running(state)
        if running is None:
            raise StackError("the system that was starting here has stopped; `make up` shows why")
        if running.ready:
            return running
        await asyncio.sleep(0.2)
    raise StackError(f"the system that another launcher starts here was not ready within {_READY_SECONDS_MAX:.0f} s")


def wait_for_leftovers(state: Path) -> None:
    """Waits for processes of a launcher that was killed: they are on their way out, and still hold ports and files.

    Raises:
        StackError: they do not end.
    """
    deadline = time.monotonic() + _LEFTOVERS_SECONDS_MAX
    said = False
    while left := [process for process in read_processes(state) if process.is_alive]:
        if not said:
            screen.say("waiting for what an earlier run left behind to end")
            said = True
        if time.monotonic() >= deadline:
            names = ", ".join(f"{process.name} (pid {process.pid})" for process in left)
            raise StackError(f"an earlier run left processes that do not end: {names}")
        time.sleep(0.1)


def _on_stop_signals() -> asyncio.Event:
    """Set at the first SIGINT or SIGTERM; the second ends this process, and the kernel its children."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if asked.is_set():
            os._exit(130)  # as a shell reports a program ended by Ctrl-C
        asked.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    return asked
