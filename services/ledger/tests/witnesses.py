"""Witnesses for tests: ours as a real process, and servers that lie, dawdle or say nothing, all over real HTTP."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from ledger.domain.cosignatures import WitnessSigningKey
from local_stack.ports import free_ports

# Starting Python takes a fraction of a second; a loaded machine takes its time.
START_SECONDS_MAX = 60


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    body: bytes


# Gives (status, body); what raises closes the connection without an answer.
Behavior = Callable[[Asked], Awaitable[tuple[int, str]]]


class WitnessProcess:
    """`python -m ledger witness` with a state of its own; `policy_line` is how a policy names it."""

    def __init__(self, folder: Path, name: str, logs: str) -> None:
        self.name = name
        self.key = WitnessSigningKey.generate(f"witness.example/{name}")
        self.folder = folder / name
        self.folder.mkdir(parents=True)
        (self.folder / "key").write_text(f"{self.key.text}\n")
        (self.folder / "logs").write_text(logs)
        [self.port] = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def policy_line(self) -> str:
        return f"witness {self.name} {self.key.verifier.vkey} {self.url}/\n"

    def watch(self, logs: str) -> None:
        (self.folder / "logs").write_text(logs)

    async def start(self, **environment: str) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ledger", "witness", "--key-file", "key", "--logs", "logs"),
            *("--state", "state/witness.sqlite", "--port", str(self.port)),
            env={"PATH": os.environ.get("PATH", ""), **environment},
            cwd=self.folder,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(START_SECONDS_MAX), httpx.AsyncClient() as client:
            while True:
                try:
                    if (await client.get(f"{self.url}/health/ready")).status_code == 200:
                        return
                except httpx.TransportError:
                    await asyncio.sleep(0.02)

    async def stop(self) -> int | None:
        """Its exit status after SIGTERM."""
        if self._process is None:
            return None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        status = await asyncio.wait_for(self._process.wait(), START_SECONDS_MAX)
        self._process = None
        return status

    async def died(self) -> int:
        """Its exit status, once it has ended by itself."""
        assert self._process is not None
        return await asyncio.wait_for(self._process.wait(), START_SECONDS_MAX)

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()


@asynccontextmanager
async def running_witnesses(folder: Path, logs: str, *names: str) -> AsyncIterator[list[WitnessProcess]]:
    witnesses = [WitnessProcess(folder, name, logs) for name in names]
    try:
        await asyncio.gather(*(witness.start() for witness in witnesses))
        yield witnesses
    finally:
        for witness in witnesses:
            witness.kill()
            await witness.stop()


@asynccontextmanager
async def http_server(behave: Behavior) -> AsyncIterator[str]:
    """A server on a free port that answers as `behave` says, one request a connection; gives its URL."""
    asked: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        asked.add(task)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, path, _ = head.split(" ", 2)
            lengths = [
                line.partition(":")[2] for line in head.split("\r\n") if line.lower().startswith("content-length")
            ]
            body = await reader.readexactly(int(lengths[0])) if lengths else b""
            status, answer = await behave(Asked(method, path, body))
            content = answer.encode("utf-8", "surrogateescape")
            writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n".encode())
            writer.write(content)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            asked.discard(task)
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in [*asked]:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        await server.wait_closed()
