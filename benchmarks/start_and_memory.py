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

from local_stack.running import Memory, memory_of, read_processes
from local_stack.stack import LocalStack

# After ready: let imports, first polls and caches settle before memory is read.
REST_SECONDS = 10
MIB = 2**20


async def one_start(state: Path, *, read_memory: bool) -> tuple[float, dict[str, Memory]]:
    """Seconds to ready, and memory by process (with its children) at rest."""
    begun = time.monotonic()
    stack = LocalStack(state)
    await stack.start()
    seconds = time.monotonic() - begun
    memory: dict[str, Memory] = {}
    try:
        if read_memory:
            await asyncio.sleep(REST_SECONDS)
            for process in read_processes(state):
                found = memory_of(process.pid) if process.pid else None
                if found is not None:
                    memory[process.name] = found
    finally:
        await stack.stop()
    return seconds, memory


async def main(starts: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        cold, _ = await one_start(state, read_memory=False)
        print(f"cold start: {cold:.1f} s", flush=True)
        warm: list[float] = []
        memory: dict[str, Memory] = {}
        for number in range(starts):
            seconds, memory = await one_start(state, read_memory=True)
            warm.append(seconds)
            print(f"warm start {number + 1}: {seconds:.1f} s", flush=True)
    print(f"\nPython {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}")
    print("\n| process | resident MiB | proportional MiB |\n|---|---:|---:|")
    for name, size in memory.items():
        print(f"| {name} | {size.rss_bytes / MIB:.0f} | {(size.pss_bytes or 0) / MIB:.0f} |")
    print(f"| all | | {sum(size.pss_bytes or 0 for size in memory.values()) / MIB:.0f} |")
    print(f"\ncold {cold:.1f} s; warm median {statistics.median(warm):.1f} s of {len(warm)}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
