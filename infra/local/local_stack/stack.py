"""The whole system on one machine: `async with LocalStack(folder) as stack` starts it, and its end stops it."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from local_stack.broker_choice import choose_broker, ensure_jars
from local_stack.development_secrets import DevelopmentSecrets, load_or_make
from local_stack.kafka import KafkaBroker
from local_stack.layout import Layout, any_free_ports
from local_stack.object_storage import ObjectStorage
from local_stack.postgres import Durability, EmbeddedPostgres
from local_stack.processes import ProcessPlan, ServiceProcess, Wiring, plan_processes
from local_stack.roles import database_url, provision, role_urls
from local_stack.running import ProcessState, birth_of, write_processes
from local_stack.supervisor import LoopThread, Part, SupervisedPart, Supervisor

REPOSITORY: Final = Path(__file__).parents[3]
DATABASE: Final = "impactnet"

_READY_SECONDS_MAX: Final = 180.0  # seventeen processes that start at once on a busy machine of two cores
_COMMAND_SECONDS_MAX: Final = 120.0  # seeding, creating an administrator: seconds
_DEATHS_MAX: Final = 3  # a process that died this often before it was ever ready will not get better by itself

_LOOK_SECONDS: Final = 0.1  # how late readiness is noticed

Planner = Callable[[Wiring, Layout], list[ProcessPlan]]


class StackError(RuntimeError):
    """The system did not come up; the message says which process, what it misses and how its log ends."""


class LocalStack:
    """PostgreSQL, the broker, object storage, all services and the gateway, with their state in `state`.

    Args:
        state: folder of data, logs and secrets; the same folder is the same system again.
        ports: by name (`Layout.port_names`); free ones when absent.
        layout: how the services are cut into processes.
        environment: added to what every process is told; the wiring is stronger.
        durability: `off` where surviving the machine's crash does not matter.
        broker: auto, kafka or tansu; IMPACTNET_BROKER, then auto when absent.
        say: told in words what happens; silent when absent.
        planner: which processes there are; the system's own when absent.
    """

    def __init__(
        self,
        state: Path,
        *,
        ports: Mapping[str, int] | None = None,
        layout: Layout | None = None,
        environment: Mapping[str, str] | None = None,
        durability: Durability = "on",
        broker: str | None = None,
        say: Callable[[str], None] = lambda _: None,
        planner: Planner = plan_processes,
    ) -> None:
        self.state = state.absolute()
        self.layout = layout or Layout()
        self.ports = dict(ports or any_free_ports(self.layout))
        self.secrets: DevelopmentSecrets = load_or_make(self.state / "secrets.json")
        self.broker_choice = choose_broker(broker)
        self._say = say
        self._planner = planner
        self._postgres = EmbeddedPostgres(
            self.state / "postgres", self.ports["postgres"], durability=durability, log_path=self._log("postgres")
        )
        self._broker = KafkaBroker(
            self.state / "kafka", self.ports["kafka"], flavor=self.broker_choice.flavor, log_path=self._log("kafka")
        )
        self._storage = ObjectStorage(
            self.state / "objects",
            self.secrets.environment["IMPACTNET_S3_ACCESS_KEY"],
            self.secrets.environment["IMPACTNET_S3_SECRET_KEY"],
            self.ports["s3"],
            log_path=self._log("s3"),
        )
        self._extra = dict(environment or {})
        self._thread = LoopThread()
        self._supervisor = Supervisor(say, self._write_processes)
        self._services: dict[str, ServiceProcess] = {}
        self.postgres = self._hand_on(self._postgres)
        self.broker = self._hand_on(self._broker)
        self.object_storage = self._hand_on(self._storage)

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['gateway']}"

    @property
    def kafka_bootstrap(self) -> str:
        return self._broker.bootstrap

    @property
    def s3_endpoint(self) -> str:
        return self._storage.endpoint

    @property
    def admin_database_url(self) -> str:
        """A superuser's `postgresql://` URL of the system's database, for asyncpg.connect and psql."""
        return database_url(self._postgres.admin_url, DATABASE)

    @property
    def database_urls(self) -> dict[str, str]:
        """`postgresql+asyncpg://` URLs by login role."""
        return role_urls(self._postgres.admin_url, DATABASE, self.secrets.database_passwords)

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def names(self) -> list[str]:
        """Every process of ours, as `pid`, `kill` and the others take it."""
        return list(self._services)

    @property
    def environment(self) -> dict[str, str]:
        """What all processes are told, in one: for commands and checks that look at several services."""
        wiring = self._wiring()
        modules = ("identity", "programs", "applications", "ledger", "feed", "gateway")
        return {name: value for module in modules for name, value in wiring.command_environment(module).items()}

    def pid(self, name: str) -> int | None:
        """The process id; None while it is down."""
        return self._services[name].pid

    def port(self, name: str) -> int | None:
        """Where the process answers HTTP; None when it does not."""
        return self._services[name].port

    def restarts(self, name: str) -> int:
        """How often the process was started again because it had died."""
        return self._supervisor.restarts(name)

    async def start(self) -> None:
        """Starts everything and returns when all of it is ready.

        Raises:
            PortTakenError: a port is held by another program.
            ProcessExitedError, TimeoutError: PostgreSQL, the broker or object storage did not start.
            StackError: a service did not become ready.
        """
        try:
            await self._thread.run(self._start())
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stops everything: the gateway, the services, then what they stand on."""
        await self._thread.run(self._stop())
        await self._thread.close()

    async def kill(self, name: str, *, comes_back: bool = True) -> None:
        """Ends a process as a crash would; the supervisor starts it again unless told otherwise."""
        await self._thread.run(self._supervisor.kill(name, comes_back=comes_back))

    async def stop_process(self, name: str) -> None:
        """Stops one process, in order, until `start_process`."""
        await self._thread.run(self._supervisor.stop(name))

    async def start_process(self, name: str, environment: Mapping[str, str] | None = None) -> None:
        """Starts a stopped process; the environment is added for this one life (a failpoint, for instance)."""
        self._services[name].next_environment = dict(environment or {})
        await self._thread.run(self._supervisor.start(name))

    async def restart_process(self, name: str, environment: Mapping[str, str] | None = None) -> None:
        """Stops and starts one process, and returns when it is ready again."""
        await self.stop_process(name)
        await self.start_process(name, environment)
        await self.wait_ready([name])

    async def wait_ready(self, names: Sequence[str] | None = None, timeout_seconds: float = _READY_SECONDS_MAX) -> None:
        """Returns when the named processes (all by default) are ready.

        Raises:
            StackError: one is not within the time.
        """
        wanted = [self._services[name] for name in (names if names is not None else self.names)]
        await self._thread.run(self._wait_ready(wanted, timeout_seconds))

    async def run_command(
        self,
        arguments: Sequence[str],
        stdin: str = "",
        environment: Mapping[str, str] | None = None,
        timeout_seconds: float = _COMMAND_SECONDS_MAX,
    ) -> subprocess.CompletedProcess[str]:
        """Runs `python <arguments>` (`-m identity create-super-admin ...`), told what the system's processes are."""
        module = arguments[1] if len(arguments) > 1 and arguments[0] == "-m" else ""
        return await asyncio.to_thread(
            subprocess.run,
            [sys.executable, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env=self._wiring().command_environment(module) | dict(environment or {}),
            cwd=REPOSITORY,
            timeout=timeout_seconds,
            check=False,
        )

    def _log(self, name: str) -> Path:
        return self.state / "logs" / f"{name}.log"

    def _hand_on(self, part: Part) -> SupervisedPart:
        return SupervisedPart(self._supervisor, self._thread, part)

    def _wiring(self) -> Wiring:
        return Wiring(
            state=self.state,
            ports=self.ports,
            database_urls=self.database_urls,
            secrets=self.secrets,
            broker_remembers=self.broker_choice.flavor == "kafka",
            extra=self._extra,
        )

    async def _start(self) -> None:
        work = [
            asyncio.create_task(self._start_database_and_services()),
            asyncio.create_task(self._start_broker()),
            asyncio.create_task(self._keep(self._storage)),
        ]
        try:
            await asyncio.gather(*work)
        except BaseException:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            raise

    async def _start_broker(self) -> None:
        if self.broker_choice.flavor == "kafka":
            await asyncio.to_thread(ensure_jars, self._say)
        await self._keep(self._broker)

    async def _keep(self, part: Part) -> None:
        began = time.monotonic()
        await self._supervisor.keep(part)
        self._say(f"{part.name} is ready after {time.monotonic() - began:.1f} s")

    async def _start_database_and_services(self) -> None:
        """Services start as soon as their database is there: they do without the broker for a while."""
        await self._keep(self._postgres)
        await provision(self._postgres.admin_url, DATABASE, self.secrets.database_passwords)
        wiring = self._wiring()
        wiring.write_witness_policy()
        plans = self._planner(wiring, self.layout)
        self._services = {plan.name: ServiceProcess(plan, self._log(plan.name), REPOSITORY) for plan in plans}
        ready = {plan.name: asyncio.Event() for plan in plans}
        await asyncio.gather(*(self._start_service(self._services[plan.name], ready) for plan in plans))

    async def _start_service(self, service: ServiceProcess, ready: Mapping[str, asyncio.Event]) -> None:
        for other in service.plan.after:
            await ready[other].wait()
        began = time.monotonic()
        await self._supervisor.keep(service)
        await self._wait_ready([service], _READY_SECONDS_MAX)
        self._say(f"{service.name} is ready after {time.monotonic() - began:.1f} s")
        ready[service.name].set()

    async def _wait_ready(self, services: Sequence[ServiceProcess], timeout_seconds: float) -> None:
        deadline = time.monotonic() + timeout_seconds
        before = {service.name: self._supervisor.restarts(service.name) for service in services}
        for service in services:
            while (missing := await service.missing()) is not None:
                died = self._supervisor.restarts(service.name) - before[service.name]
                if died >= _DEATHS_MAX or time.monotonic() >= deadline:
                    how = f"died {died} times" if died >= _DEATHS_MAX else f"is not ready: {missing}"
                    raise StackError(f"{service.name} {how}; the end of {service.log_path}:\n{service.log_tail()}")
                await asyncio.sleep(_LOOK_SECONDS)

    async def _stop(self) -> None:
        """The gateway first, so that nobody asks services that are leaving; then they; then what they stand on."""
        services = [part for part in self._supervisor.parts if isinstance(part, ServiceProcess)]
        gateways = [part for part in services if part.name == "gateway"]
        others = [part for part in services if part.name != "gateway"]
        ground = [part for part in self._supervisor.parts if part.name in {self._broker.name, self._storage.name}]
        database = [part for part in self._supervisor.parts if part.name == self._postgres.name]
        for together in (gateways, others, ground, database):
            await asyncio.gather(*(self._supervisor.stop(part.name) for part in together))
        await self._supervisor.close()

    def _write_processes(self) -> None:
        write_processes(
            self.state,
            [
                ProcessState(
                    name=part.name,
                    pid=part.pid,
                    birth=None if part.pid is None else birth_of(part.pid),
                    port=part.port,
                    restarts=self._supervisor.restarts(part.name),
                    log=str(part.log_path),
                )
                for part in self._supervisor.parts
            ],
        )

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
