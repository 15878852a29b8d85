"""What is known of a running system from outside: who runs it, where, and how much memory its processes take."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

_LOCK: Final = "up.lock"
_PROCESSES: Final = "processes.json"


@dataclass(frozen=True, slots=True)
class Running:
    """A system that runs: the launcher's process id, when it started (Unix seconds), its ports by name.

    `ready` once everything answers and the demo users are there.
    """

    pid: int
    started_at: float
    ports: dict[str, int]
    broker: str
    ready: bool = False

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['gateway']}"


@dataclass(frozen=True, slots=True)
class ProcessState:
    """One process as its supervisor last wrote it down; `birth` tells it from a later one with the same id."""

    name: str
    pid: int | None
    birth: str | None
    port: int | None
    restarts: int
    log: str

    @property
    def is_alive(self) -> bool:
        return self.pid is not None and birth_of(self.pid) == self.birth


@dataclass(frozen=True, slots=True)
class Memory:
    """Of a process and its children, in bytes. `pss` counts shared pages by their share; None where not told."""

    rss_bytes: int
    pss_bytes: int | None


class AlreadyRunsError(RuntimeError):
    """Another launcher runs the system of this state folder."""

    def __init__(self, running: Running | None) -> None:
        self.running = running
        super().__init__("the system of this folder already runs")


@contextlib.contextmanager
def claim(state: Path, ports: Mapping[str, int], broker: str) -> Iterator[Callable[[], None]]:
    """Holds the state folder for this process; the kernel lets go of it however the process ends.

    Yields what to call once the system is ready.

    Raises:
        AlreadyRunsError: another process holds it.
    """
    state.mkdir(parents=True, exist_ok=True)
    with (state / _LOCK).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyRunsError(_read(state)) from None
        running = Running(os.getpid(), time.time(), dict(ports), broker)

        def describe(*, ready: bool = True) -> None:
            lock.truncate(0)
            lock.write(json.dumps(asdict(replace(running, ready=ready))))
            lock.flush()

        describe(ready=False)
        try:
            yield describe
        finally:
            lock.truncate(0)


def find_running(state: Path) -> Running | None:
    """The system that runs on this state folder now, as its launcher described it; None when none does."""
    path = state / _LOCK
    if not path.exists():
        return None
    with path.open("r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return _read(state)
    return None


def _read(state: Path) -> Running | None:
    try:
        return Running(**json.loads((state / _LOCK).read_text()))
    except (OSError, ValueError, TypeError):  # claimed this very moment, not described yet
        return None


def write_processes(state: Path, processes: list[ProcessState]) -> None:
    """Writes down what runs, whole or not at all."""
    fresh = state / f"{_PROCESSES}.new"
    fresh.write_text(json.dumps([asdict(process) for process in processes], indent=1))
    fresh.replace(state / _PROCESSES)


def read_processes(state: Path) -> list[ProcessState]:
    """What last ran on this state folder; empty when nothing ever did."""
    try:
        return [ProcessState(**entry) for entry in json.loads((state / _PROCESSES).read_text())]
    except (OSError, ValueError, TypeError):
        return []


def birth_of(pid: int) -> str | None:
    """When the process was born, in the kernel's ticks (not on Linux: just that it lives); None when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        if Path("/proc/self/stat").exists():
            return None
        with contextlib.suppress(OSError):
            os.kill(pid, 0)
            return "alive"
        return None
    return None if fields[0] == "Z" else fields[19]


def memory_of(pid: int) -> Memory | None:
    """Memory of a process and everything below it; None where the system does not tell."""
    children: dict[int, list[int]] = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(process.name))
    rss_bytes, pss_bytes, found, told = 0, 0, False, True
    open_pids = [pid]
    while open_pids:
        one = open_pids.pop()
        open_pids += children.get(one, [])
        try:
            rss_bytes += _kibibytes(Path(f"/proc/{one}/status"), "VmRSS:")
            found = True
            pss_bytes += _kibibytes(Path(f"/proc/{one}/smaps_rollup"), "Pss:")
        except PermissionError:
            told = False
        except OSError:
            continue
    return Memory(rss_bytes, pss_bytes if told else None) if found else None


def _kibibytes(path: Path, name: str) -> int:
    for line in path.read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return 0
