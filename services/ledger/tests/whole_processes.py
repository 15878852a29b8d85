"""API, worker and signer as processes of their own, as an operator starts them: told how they are, stopped, killed."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Self

import httpx
from services.ledger.tests.processes import environment_of

from local_stack.ports import free_ports

# A bound on a fault, not a measurement: three processes that start at once on a busy machine take half a minute.
PATIENCE_SECONDS: Final = 90
PROCESSES: Final = ("api", "worker", "signer")
_PORT_OF: Final = {"api": "PORT", "worker": "WORKER_PORT", "signer": "SIGNER_PORT"}


async def until(condition: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await condition():  # noqa: ASYNC110 -- other processes make it come true
            await asyncio.sleep(0.1)


class WholeProcess:
    """`python -m ledger <kind>`; what it says is in a file."""

    def __init__(self, kind: str, urls: Mapping[str, str], log: Path, **environment: str) -> None:
        self.kind = kind
        self.log = log
        [self.port] = free_ports(1)
        port = {f"IMPACTNET_LEDGER_{_PORT_OF[kind]}": str(self.port), "IMPACTNET_LEDGER_SIGNER_INTERVAL_SECONDS": "1"}
        self._environment = environment_of(urls) | port | environment
        self._process: asyncio.subprocess.Process | None = None

    @property
    def ended_with(self) -> int | None:
        return None if self._process is None else self._process.returncode

    async def start(self) -> Self:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "ledger", self.kind), env=self._environment, stdout=log, stderr=log
            )
        return self

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    async def ends(self) -> int:
        assert self._process is not None
        return await asyncio.wait_for(self._process.wait(), PATIENCE_SECONDS)

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def says(self, path: str = "/health/ready") -> httpx.Response | None:
        """Its answer; None while it has none. AssertionError once it has ended."""
        assert self.ended_with is None, f"{self.kind} ended with {self.ended_with}:\n{self.log.read_text()[-2000:]}"
        try:
            async with httpx.AsyncClient(timeout=5) as client:
                return await client.get(f"http://127.0.0.1:{self.port}{path}")
        except httpx.TransportError:
            return None

    async def is_missing(self) -> list[str] | None:
        """What it says that it lacks, nothing when it is ready; None while it says nothing."""
        answer = await self.says()
        if answer is None:
            return None
        missing: list[str] = answer.json().get("missing", []) if answer.status_code in {200, 503} else ["?"]
        return missing

    async def lacks(self, *names: str) -> None:
        """Waits until it says that it lacks exactly these."""

        async def does() -> bool:
            return await self.is_missing() == list(names)

        await until(does)

    def said(self, event: str) -> list[dict[str, Any]]:
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.startswith("{")]
        return [line for line in map(json.loads, lines) if line["event"] == event]


@asynccontextmanager
async def whole_ledger(
    urls: Mapping[str, str], folder: Path, *kinds: str, **environment: str
) -> AsyncIterator[list[WholeProcess]]:
    """These, started; killed at the end where a test has not ended them."""
    processes = [WholeProcess(kind, urls, folder / f"{n}-{kind}.log", **environment) for n, kind in enumerate(kinds)]
    try:
        for process in processes:
            await process.start()
        yield processes
    finally:
        for process in processes:
            await process.kill()
