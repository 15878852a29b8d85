"""Processes that check stretches of the chain side by side, on one snapshot: hashing does not hold up our loop."""

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator
from itertools import pairwise
from types import TracebackType
from typing import Final, Self

from ledger.adapters.evidence_rows import EVENTS
from ledger.adapters.segment_process import decode_segment, encode_task
from ledger.use_cases.verification_ports import Segment

# Leaves of a stretch, a power of two: its nodes are then all its own. 8,192 blocks are some 15 MB in each process.
SEGMENT_BLOCKS: Final = 8192
# A stretch takes a fraction of a second; one that takes this long is waiting for something that will not come.
ANSWER_SECONDS_MAX: Final = 120
# A line out holds what moved: at most two accounts a block, of up to 200 characters.
_LINE_BYTES_MAX: Final = 64 * 1024 * 1024
_END_SECONDS_MAX: Final = 5


class SegmentPool:
    """Up to `processes` of them, started when first needed. `url` is for asyncpg, and has a password: told by pipe."""

    def __init__(self, url: str, processes: int) -> None:
        self._url = url.replace("postgresql+asyncpg://", "postgresql://", 1)
        self._wanted = processes
        self._processes: list[Process] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        ended, self._processes = self._processes, []
        for process in ended:
            with contextlib.suppress(ProcessLookupError):  # ended by itself meanwhile
                process.kill()
        for process in ended:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _END_SECONDS_MAX)

    async def segments(self, snapshot: str, start: int, end: int) -> AsyncIterator[Segment]:
        """In order; as many under way as there are processes. Stops being asked: they are done with what they have."""
        pieces = deque(pieces_of(start, end, SEGMENT_BLOCKS))
        await self._start(min(self._wanted, len(pieces)))
        under_way: deque[asyncio.Task[Segment]] = deque()
        free = deque(self._processes)
        try:
            while pieces or under_way:
                while pieces and free:
                    process = free.popleft()
                    under_way.append(asyncio.create_task(self._ask(process, free, snapshot, *pieces.popleft())))
                yield await under_way[0]
                under_way.popleft()
        except BaseException:
            # What is in the pipes now belongs to nobody.
            await self.close()
            raise
        finally:
            for task in under_way:
                task.cancel()
            if under_way:
                await asyncio.gather(*under_way, return_exceptions=True)
                await self.close()

    async def _start(self, count: int) -> None:
        self._processes = [process for process in self._processes if process.returncode is None]
        while len(self._processes) < count:
            command = (sys.executable, "-m", "ledger.adapters.segment_process")
            # A session of its own: Ctrl-C is for us, and they end when we do.
            process = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, limit=_LINE_BYTES_MAX, start_new_session=True
            )
            self._processes.append(process)

    async def _ask(self, process: Process, free: deque[Process], snapshot: str, start: int, end: int) -> Segment:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("a verifying process without pipes")
        process.stdin.write(encode_task(self._url, snapshot, start, end, EVENTS))
        await process.stdin.drain()
        line = await asyncio.wait_for(process.stdout.readline(), ANSWER_SECONDS_MAX)
        if not line:
            raise RuntimeError("a verifying process ended")
        free.append(process)
        return decode_segment(line)


def pieces_of(start: int, end: int, size: int) -> list[tuple[int, int]]:
    """Stretches of `size` that begin at its multiples, but for the first and the last."""
    cuts = [start, *range((start // size + 1) * size, end, size), end]
    return list(pairwise(cuts)) if start < end else []
