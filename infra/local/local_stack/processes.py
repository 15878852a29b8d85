"""The processes of the system: what each is started with and told, and how one knows that it is ready."""

import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from local_stack.child import ChildProcess
from local_stack.development_secrets import DevelopmentSecrets
from local_stack.http_probe import ask
from local_stack.layout import SIGNER, WITNESS, Layout
from local_stack.object_storage import BUCKET, REGION
from local_stack.roles import CONTEXTS
from local_stack.signing_key import ORIGIN, verifier_key, witness_verifier_key

_STOP_SECONDS_MAX: Final = 27.0  # services drain within 25 s (06); after that they are ended
_INHERITED: Final = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")


@dataclass(frozen=True, slots=True)
class Wiring:
    """What processes need to know of each other.

    `state` is the folder that stays, `ports` are by name (see `Layout.port_names`), `database_urls` by login role.
    `extra` is what the person at the terminal set (model keys, limits); it overrides nothing of the wiring.
    """

    state: Path
    ports: Mapping[str, int]
    database_urls: Mapping[str, str]
    secrets: DevelopmentSecrets
    broker_remembers: bool
    extra: Mapping[str, str]

    def address(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def shared_environment(self) -> dict[str, str]:
        """What every process is told; nothing secret."""
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        return {
            **inherited,
            "IMPACTNET_LOG_FORMAT": "json",
            **self.extra,
            "PYTHONUNBUFFERED": "1",
            "IMPACTNET_ENVIRONMENT": "development",
            "IMPACTNET_KAFKA_BOOTSTRAP": f"127.0.0.1:{self.ports['kafka']}",
            "IMPACTNET_KAFKA_IDEMPOTENCE": "true" if self.broker_remembers else "false",
            "IMPACTNET_JWKS_URL": f"{self.address('identity')}/.well-known/jwks.json",
        }

    def context_environment(self, context: str) -> dict[str, str]:
        """What the processes of one service are told: its own secrets and roles, nobody else's."""
        upper = context.upper()
        ledgers = self._log_environment() if context == "ledger" else {}
        return {
            **ledgers,
            f"IMPACTNET_{upper}_PORT": str(self.ports[context]),
            f"IMPACTNET_{upper}_DATABASE_URL": self.database_urls[f"{context}_api"],
            f"IMPACTNET_{upper}_WORKER_DATABASE_URL": self.database_urls[f"{context}_worker"],
            f"IMPACTNET_{upper}_MIGRATOR_DATABASE_URL": self.database_urls[f"{context}_migrator"],
            f"IMPACTNET_{upper}_MASTER_KEY": self.secrets.environment[f"IMPACTNET_{upper}_MASTER_KEY"],
            "IMPACTNET_S3_ENDPOINT": self.address("s3"),
            "IMPACTNET_S3_PUBLIC_ENDPOINT": self.address("s3"),
            "IMPACTNET_S3_ACCESS_KEY": self.secrets.environment["IMPACTNET_S3_ACCESS_KEY"],
            "IMPACTNET_S3_SECRET_KEY": self.secrets.environment["IMPACTNET_S3_SECRET_KEY"],
            "IMPACTNET_S3_BUCKET": BUCKET,
            "IMPACTNET_S3_REGION": REGION,
        }

    def signer_environment(self) -> dict[str, str]:
        """The signer alone holds the key, and its database role may read blocks and write checkpoints only."""
        return {
            **self._log_environment(),
            "IMPACTNET_LEDGER_SIGNER_DATABASE_URL": self.database_urls["ledger_signer"],
            "IMPACTNET_LEDGER_SIGNING_KEY": self.secrets.environment["IMPACTNET_LEDGER_SIGNING_KEY"],
            "IMPACTNET_LEDGER_SIGNER_STATE_PATH": str(self.state / "signer" / "last-checkpoint"),
            "IMPACTNET_LEDGER_SIGNER_PORT": str(self.ports[SIGNER]),
        }

    def verifier_environment(self) -> dict[str, str]:
        """The ledger's worker seals what it has verified; its API, which shows it, cannot."""
        return {
            "IMPACTNET_LEDGER_VERIFICATION_KEY": self.secrets.environment["IMPACTNET_LEDGER_VERIFICATION_KEY"],
            "IMPACTNET_LEDGER_VERIFIED_STATE_PATH": str(self.state / "verifier" / "last-state"),
        }

    def witness_environment(self) -> dict[str, str]:
        """The witness knows its own key and whom it watches. Elsewhere it would be somebody else's machine."""
        return {
            "IMPACTNET_WITNESS_KEY": self.secrets.environment["IMPACTNET_WITNESS_KEY"],
            "IMPACTNET_WITNESS_LOGS": str(self.witness_policy),
            "IMPACTNET_WITNESS_STATE": str(self.state / "witness" / "witness.sqlite"),
            "IMPACTNET_WITNESS_PORT": str(self.ports[WITNESS]),
        }

    @property
    def witness_policy(self) -> Path:
        return self.state / "witness" / "policy"

    def write_witness_policy(self) -> None:
        """A C2SP tlog-policy: the log, its one witness, whose word is needed. Anew at every start, for ports move."""
        log = verifier_key(self.secrets.environment["IMPACTNET_LEDGER_SIGNING_KEY"])
        witness = witness_verifier_key(self.secrets.environment["IMPACTNET_WITNESS_KEY"])
        self.witness_policy.parent.mkdir(parents=True, exist_ok=True)
        self.witness_policy.write_text(
            f"log {log}\nwitness local {witness} {self.address(WITNESS)}\nquorum local\n", encoding="utf-8"
        )

    def _log_environment(self) -> dict[str, str]:
        """What everybody may know of the ledger's log: its name, whose signature to expect, and whose cosignatures."""
        return {
            "IMPACTNET_LEDGER_ORIGIN": ORIGIN,
            "IMPACTNET_LEDGER_WITNESS_POLICY": str(self.witness_policy),
            "IMPACTNET_LEDGER_VERIFIER_KEYS": verifier_key(self.secrets.environment["IMPACTNET_LEDGER_SIGNING_KEY"]),
            "IMPACTNET_LEDGER_PUBLIC_URL": self.address("gateway"),
        }

    def gateway_environment(self) -> dict[str, str]:
        key = "IMPACTNET_GATEWAY_TICKET_KEY"
        addresses = {f"IMPACTNET_GATEWAY_{context.upper()}_URL": self.address(context) for context in CONTEXTS}
        return {
            **addresses,
            "IMPACTNET_GATEWAY_PORT": str(self.ports["gateway"]),
            # Identity's public keys, so that a gateway which comes back while identity is down can check tokens.
            "IMPACTNET_GATEWAY_KEYS_FILE": str(self.state / "gateway-keys.json"),
            key: self.secrets.environment[key],
        }

    def command_environment(self, module: str) -> dict[str, str]:
        """What `python -m MODULE ...` is told when a person or a test runs it beside the system."""
        own = self.context_environment(module) if module in CONTEXTS else {}
        if module == "ledger":
            own |= self.signer_environment() | self.verifier_environment()
        return {**self.shared_environment(), **(self.gateway_environment() if module == "gateway" else own)}


@dataclass(frozen=True, slots=True)
class ProcessPlan:
    """One Python process: `python -m <arguments>` with this environment.

    `port` answers at /health/ready when the process is ready; None where running is all there is to know. It starts
    once all of `after` are ready.
    """

    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    port: int | None
    after: tuple[str, ...] = ()


def plan_processes(wiring: Wiring, layout: Layout) -> list[ProcessPlan]:
    """Everything but PostgreSQL, the broker and object storage, in an order that stopping backwards is right."""
    shared = wiring.shared_environment()
    plans: list[ProcessPlan] = []
    for context in CONTEXTS:
        environment = shared | wiring.context_environment(context)
        verifying = wiring.verifier_environment() if context == "ledger" else {}
        port = wiring.ports[context]
        if not layout.split:
            own = environment | verifying | {"IMPACTNET_WORKER_NAME": f"{context}-1"}
            plans.append(ProcessPlan(context, (context, "serve", "--migrate"), own, port))
            continue
        plans.append(ProcessPlan(f"{context}-api", (context, "api", "--migrate"), environment, port))
        for name in layout.worker_names(context):
            worker_port = wiring.ports[name]
            own = {f"IMPACTNET_{context.upper()}_WORKER_PORT": str(worker_port), "IMPACTNET_WORKER_NAME": name}
            # A worker finds its tables made: the API migrates before it is ready.
            told = environment | verifying | own
            plans.append(ProcessPlan(name, (context, "worker"), told, worker_port, after=(f"{context}-api",)))
    ledger = "ledger-api" if layout.split else "ledger"
    signer = shared | wiring.signer_environment()
    plans.append(
        ProcessPlan(WITNESS, ("ledger", "witness"), shared | wiring.witness_environment(), wiring.ports[WITNESS])
    )
    plans.append(ProcessPlan(SIGNER, ("ledger", "signer"), signer, wiring.ports[SIGNER], after=(ledger, WITNESS)))
    plans.append(ProcessPlan("gateway", ("gateway",), shared | wiring.gateway_environment(), wiring.ports["gateway"]))
    return plans


class ServiceProcess:
    """A planned process, started and stopped; knows whether it is ready."""

    def __init__(self, plan: ProcessPlan, log_path: Path, folder: Path) -> None:
        self.plan = plan
        self.name = plan.name
        self.log_path = log_path
        self.next_environment: dict[str, str] = {}
        self._folder = folder
        self._child: ChildProcess | None = None

    @property
    def port(self) -> int | None:
        return self.plan.port

    @property
    def pid(self) -> int | None:
        return None if self._child is None else self._child.pid

    @property
    def is_running(self) -> bool:
        return self.pid is not None

    async def start(self) -> None:
        """Starts the process, without waiting for readiness. `next_environment` is added for this one life."""
        if self.is_running:
            return
        self._child = ChildProcess(
            self.name,
            [sys.executable, "-m", *self.plan.arguments],
            log_path=self.log_path,
            environment=self.plan.environment | self.next_environment,
            folder=self._folder,
        )
        self.next_environment = {}
        self._child.start()

    async def stop(self) -> None:
        if self._child is not None:
            await self._child.stop(signal.SIGTERM, grace_seconds=_STOP_SECONDS_MAX)

    async def kill(self) -> None:
        """Ends the process as a crash would."""
        if self._child is not None:
            await self._child.kill()

    async def missing(self) -> str | None:
        """What keeps the process from being ready, in words; None when it is."""
        if not self.is_running:
            return "not running"
        if self.plan.port is None:
            return None
        answer = await ask(self.plan.port, "/health/ready")
        if answer is None:
            return f"no answer on port {self.plan.port} yet"
        return None if answer.status == 200 else _explain(answer.body)  # noqa: PLR2004 -- HTTP's OK

    def log_tail(self) -> str:
        return "" if self._child is None else self._child.log_tail()


def _explain(body: str) -> str:
    """A readiness answer on one line: the missing parts where it names them."""
    try:
        return json.dumps(json.loads(body))[:300]
    except ValueError:
        return body.strip()[:300]
