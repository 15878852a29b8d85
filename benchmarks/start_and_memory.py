"""How long the local system takes to be ready, and how much memory each process takes at rest.

Run: python benchmarks/start_and_memory.py [starts]. Starts the system on a new folder (cold), then again and again
on the same (warm), and prints a table for RESULTS.md.
"""

import asyncio
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

from local_stack.running import memory_of, read_processes
from local_stack.stack import LocalStack

# After ready: let imports, first polls and caches settle before memory is read.
REST_SECONDS = 10


async def one_start(state: Path, *, read_memory: bool) -> tuple[float, dict[str, int]]:
    """Seconds to ready, and resident bytes by process at rest."""
    begun = time.monotonic()
    stack = LocalStack(state)
    await stack.start()
    seconds = time.monotonic() - begun
    memory: dict[str, int] = {}
    try:
        if read_memory:
            await asyncio.sleep(REST_SECONDS)
            for process in read_processes(state):
                if process.pid:
                    memory[process.name] = memory_of(process.pid) or 0
    finally:
        await stack.stop()
    return seconds, memory


async def main(starts: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        cold, _ = await one_start(state, read_memory=False)
        print(f"cold start: {cold:.1f} s", flush=True)
        warm, memory = [], {}
        for number in range(starts):
            seconds, memory = await one_start(state, read_memory=True)
            warm.append(seconds)
            print(f"warm start {number + 1}: {seconds:.1f} s", flush=True)
    print(f"\nPython {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}")
    print("\n| process | resident MiB |\n|---|---:|")
    for name, size in memory.items():
        print(f"| {name} | {size / 2**20:.0f} |")
    print(f"| all | {sum(memory.values()) / 2**20:.0f} |")
    print(f"\ncold {cold:.1f} s; warm median {statistics.median(warm):.1f} s of {len(warm)}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
