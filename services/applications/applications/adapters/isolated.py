"""Runs work on what strangers uploaded in a process of its own: limited in time and memory, and gone afterwards."""

import asyncio
import contextlib
import os
import sys
from pathlib import Path
from typing import Any, Final

import orjson

# What a child may say on its error channel before the rest is dropped: enough for a stack.
_COMPLAINT_BYTES: Final = 4_000


class IsolatedWorkError(Exception):
    """The child died, ran out of time or memory, or answered no JSON; `reason` is `timeout`, `signal` or `exit`."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        super().__init__(f"{reason}: {detail}")


async def run_isolated(module: str, arguments: list[str], *, timeout_seconds: float, directory: Path) -> Any:
    """Run `python -m module arguments` and return the JSON that it prints.

    The child knows none of our settings: hostile media that take it over find no secret in its environment.

    Raises:
        IsolatedWorkError
    """
    # One thread per library pool: the worker has neighbours on the same cores.
    environment = {"PATH": os.environ.get("PATH", os.defpath), "OMP_NUM_THREADS": "1", "TMPDIR": str(directory)}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",  # the folder it works in holds a stranger's file: nothing is ever imported from there
        "-m",
        module,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
        cwd=directory,
    )
    try:
        async with asyncio.timeout(timeout_seconds):
            said, complained = await process.communicate()
    except TimeoutError as error:
        raise IsolatedWorkError("timeout", f"{module} took more than {timeout_seconds} s") from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode != 0:
        reason = "signal" if (process.returncode or 0) < 0 else "exit"
        tail = complained[-_COMPLAINT_BYTES:].decode(errors="replace")
        raise IsolatedWorkError(reason, f"{module} ended with {process.returncode}: {tail}")
    try:
        return orjson.loads(said)
    except orjson.JSONDecodeError as error:
        raise IsolatedWorkError("exit", f"{module} answered no JSON") from error
