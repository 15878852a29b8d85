"""Stopping for certain: a request to stop that was swallowed on its way is still heard."""

import asyncio


def stop_if_asked() -> None:
    """Called in each turn of a loop that runs until it is cancelled.

    What is awaited in it may swallow the cancellation: `asyncio.wait_for` does before Python 3.12 when what it waits
    for ends at that very moment (python/cpython#86296), and clients are built on it. The loop would then never end.

    Raises:
        asyncio.CancelledError: the task was asked to stop.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
