"""One child process: started on a leash, logged to a file, stopped gently and then not."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_LEASH: Final = str(Path(__file__).with_name("leash.py"))
_POLL_SECONDS: Final = 0.02  # short against every start and stop that is waited for, and costs nothing measurable


def leashed(command: Sequence[str], death_signal: int = 0, account: tuple[int, int] | None = None) -> list[str]:
    """The command, run as the account and ended by the signal when the calling thread ends (0: never)."""
    who = "-" if account is None else f"{account[0]}:{account[1]}"
    return [sys.executable, "-I", "-S", _LEASH, str(os.getpid()), str(int(death_signal)), who, "--", *command]


class ProcessExitedError(RuntimeError):
    """A program ended while it was expected to run; the message carries the end of its log."""


class ChildProcess:
    """A program of the local stack.

    Starting is a quick fork in the calling thread: call it from a thread that lives as long as the program should (the
    event loop's), because the kernel ends the program when that thread ends. Waiting never blocks the loop, and no call
    is bound to one particular loop, so tests may start a program in one and stop it in another.

    Args:
        name: how the program is called in messages and for its log.
        command: program and arguments.
        log_path: appended to; made with its folder.
        environment: the whole environment of the program, this process's own when absent.
        folder: working folder.
        death_signal: what the program gets when the process that started it dies without stopping it.
        account: (uid, gid) to run as; only root can ask for it.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log_path: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        death_signal: signal.Signals = signal.SIGKILL,
        account: tuple[int, int] | None = None,
    ) -> None:
        self.name = name
        self.command = tuple(command)
        self.log_path = log_path
        self._environment = environment
        self._folder = folder
        self._death_signal = death_signal
        self._account = account
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The running program's process id; None when it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        """What the program ended with (negative: by that signal); None when it runs or never ran."""
        return None if self._process is None else self._process.poll()

    @property
    def is_running(self) -> bool:
        return self.pid is not None

    def start(self) -> None:
        """Starts the program; does nothing when it already runs."""
        if self.is_running:
            return
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                leashed(self.command, self._death_signal, self._account),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=self._folder,
                process_group=0,  # Ctrl-C in the terminal reaches the supervisor alone, which stops things in order
            )

    def send_signal(self, signal_number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal_number)

    async def wait(self, timeout_seconds: float) -> bool:
        """True when the program ended within the time."""
        deadline = asyncio.get_running_loop().time() + timeout_seconds
        while self.is_running:
            if asyncio.get_running_loop().time() >= deadline:
                return False
            await asyncio.sleep(_POLL_SECONDS)
        return True

    async def stop(self, signal_number: signal.Signals = signal.SIGTERM, *, grace_seconds: float = 25.0) -> None:
        """Asks the program to end, and ends it after the grace (25 s: what a service may take to drain)."""
        if not self.is_running:
            return
        self.send_signal(signal_number)
        if not await self.wait(grace_seconds):
            await self.kill()

    async def kill(self) -> None:
        """Ends the program on the spot, as a crash would (SIGKILL), and waits until it is gone."""
        self.send_signal(signal.SIGKILL)
        if not await self.wait(10.0):  # the kernel takes milliseconds; more means a program stuck in the kernel
            raise TimeoutError(f"{self.name} (pid {self.pid}) does not end even when killed")

    def log_tail(self, size_bytes_max: int = 4_000) -> str:
        """The end of the program's log, for messages."""
        try:
            with self.log_path.open("rb") as log:
                log.seek(0, os.SEEK_END)
                log.seek(max(0, log.tell() - size_bytes_max))
                return log.read().decode("utf-8", "replace").strip()
        except FileNotFoundError:
            return ""

    def require_running(self) -> None:
        """Raises ProcessExitedError, with the end of the log, when the program is gone."""
        if not self.is_running:
            raise ProcessExitedError(
                f"{self.name} ended with {self.exit_code}; the end of {self.log_path}:\n{self.log_tail()}"
            )
