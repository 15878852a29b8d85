"""The signer: a process of its own, with its own database role and the only private key."""

import asyncio
import signal
import time
from pathlib import Path
from typing import Final, Self

import structlog
from fastapi import FastAPI
from prometheus_client import Gauge

from chassis.api.health import Health, health_router
from chassis.database import Database, database_is_away, database_is_busy
from chassis.schema import Schema
from ledger.adapters.cosignature_shelf import CosignatureShelf, shelf_opener
from ledger.adapters.keys import signing_key, verifier_keys
from ledger.adapters.plain_server import PlainServer
from ledger.adapters.signer_log import MemoryLostError, PostgresLog, RememberedNote
from ledger.adapters.tables import metadata
from ledger.adapters.witness_http import HttpWitnessClient
from ledger.adapters.witness_memory import ask_what_was_seen, open_policy
from ledger.adapters.witness_metrics import MeasuredWitnesses
from ledger.settings import LedgerSettings
from ledger.use_cases.gather_cosignatures import Gathering
from ledger.use_cases.sign_checkpoint import Identity, LogRewrittenError, sign_checkpoint

log = structlog.get_logger(__name__)

REFUSING = Gauge("impactnet_ledger_signer_refusing", "1 while the signer refuses to sign a log that was rewritten.")
SIGNED_SIZE = Gauge("impactnet_ledger_signed_size", "Size of the newest checkpoint that was signed.")
PUBLISHED_SIZE = Gauge("impactnet_ledger_published_size", "Size of the newest checkpoint that is served.")
UNWITNESSED_SECONDS = Gauge(
    "impactnet_ledger_unwitnessed_seconds",
    "For how long signed checkpoints have been waiting for a quorum; 0: none is.",
)
# A round of witnesses ends before the next checkpoint is due.
_BUDGET_OF_INTERVAL: Final = 0.8
# Several checkpoints in a row without a quorum are no hiccup.
_UNWITNESSED_ROUNDS_MAX: Final = 3


class Signer:
    """Signs every `signer_interval_seconds` while the log grows; has witnesses cosign where there is a policy."""

    def __init__(self, settings: LedgerSettings, database: Database) -> None:
        """Raises BadPolicyError, BadKeyError or ValueError for a policy or keys that it cannot work with."""
        self._interval_seconds = settings.signer_interval_seconds
        self._database = database
        self._schema = Schema(database, metadata)
        self._identity = Identity(signing_key(settings), tuple(verifier_keys(settings)))
        path = None if settings.signer_state_path is None else Path(settings.signer_state_path)
        self._remembered = RememberedNote(path)
        self._policy = open_policy(settings.witness_policy, self._identity.key.verifier)
        budget_seconds = min(settings.witness_timeout_seconds, _BUDGET_OF_INTERVAL * settings.signer_interval_seconds)
        self._client = HttpWitnessClient(budget_seconds)
        self._gathering = Gathering(
            self._policy,
            self._client,
            shelf_opener(database),
            MeasuredWitnesses(),
            budget_seconds=budget_seconds,
            now=lambda: int(time.time()),
        )
        # What witnesses have shown of us: looked at like the remembered note, until the log is seen to continue it.
        self._shown: list[str] = []
        # What could not be written where the signer remembers, and is tried again each round.
        self._unwritten: str | None = None
        self._unwitnessed_since: float | None = None
        self.refusing = False
        self.remembers = True

    @property
    def unwitnessed_seconds(self) -> float:
        return 0.0 if self._unwitnessed_since is None else time.monotonic() - self._unwitnessed_since

    async def recall(self) -> None:
        """Asks the witnesses what they have seen of us: they remember what this machine may have lost."""
        self._shown = await ask_what_was_seen(self._client, self._policy.witnesses, self._identity)

    async def sign_once(self) -> str | None:
        """One round: the note that was published in it, or None.

        Signed first, and remembered once that is committed; then cosigned, which can take until the round's budget.

        Raises:
            LogRewrittenError
            MemoryLostError: what was signed cannot be known, so nothing is. What cannot be written is only told: it
                is signed already, and the database and the witnesses know it.
        """
        awaits_witnesses = bool(self._policy.witnesses)
        remembered = self._remembered.read()
        outside = [note for note in (remembered, self._unwritten, *self._shown) if note is not None]
        try:
            async with self._database.unit_of_work() as work:
                view = PostgresLog(work, awaits_witnesses=awaits_witnesses)
                note = await sign_checkpoint(view, self._identity, remembered=outside)
        except LogRewrittenError as refusal:
            # A witness's note that contradicts the log outlives this process, whatever larger one the log continues.
            telling = next((note for note in refusal.contradicting if note in outside), None)
            self._remember(None if telling == remembered else telling)
            raise
        self._shown = []
        self._remember(note)
        published = note if not awaits_witnesses else None
        if note is None or awaits_witnesses:
            published = await self._gathering.round()
            if self._gathering.contradicted_by:
                self._shown = await ask_what_was_seen(self._client, self._gathering.contradicted_by, self._identity)
        await self._measure()
        return published

    def _remember(self, note: str | None) -> None:
        """The note, or None for whatever could not be written before."""
        self._unwritten = note or self._unwritten
        try:
            if self._unwritten is not None:
                self._remembered.write(self._unwritten)
        except MemoryLostError as failure:
            self.remembers = False
            log.critical("signer_memory_lost", detail=str(failure))
            return
        self._unwritten = None
        self.remembers = True

    async def _measure(self) -> None:
        async with self._database.unit_of_work() as work:
            shelf = CosignatureShelf(work)
            newest, published_size = await shelf.newest(), await shelf.published_size()
        PUBLISHED_SIZE.set(published_size)
        SIGNED_SIZE.set(0 if newest is None else newest.checkpoint.size)
        if newest is None or newest.published:
            self._unwitnessed_since = None
        elif self._unwitnessed_since is None:
            self._unwitnessed_since = time.monotonic()
        if self.unwitnessed_seconds > _UNWITNESSED_ROUNDS_MAX * self._interval_seconds:
            log.warning("no_quorum", seconds=round(self.unwitnessed_seconds), published_size=published_size)
        UNWITNESSED_SECONDS.set(self.unwitnessed_seconds)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; a database that is away is waited for, a rewritten log is never signed."""
        await self.recall()
        while not stop.is_set():
            began = time.monotonic()
            await self._tick()
            try:
                await asyncio.wait_for(stop.wait(), max(0.0, self._interval_seconds - (time.monotonic() - began)))
            except TimeoutError:
                continue

    async def _tick(self) -> None:
        try:
            if not await self._schema.is_there():
                return
            if await self.sign_once() is not None:
                log.info("checkpoint_published")
            self.refusing = False
        except LogRewrittenError as refusal:
            self.refusing = True
            log.critical("signing_refused", detail=refusal.detail)
        except MemoryLostError as failure:
            self.remembers = False
            log.critical("signer_memory_lost", detail=str(failure))
        except Exception as error:
            # Busy: a lock that was not had in time, a statement that took too long; the next round may be luckier.
            if not (database_is_away(error) or database_is_busy(error)):
                raise
            log.warning("signer_database_away", error=type(error).__name__, detail=str(error)[:300])
        REFUSING.set(1 if self.refusing else 0)

    def health(self) -> Health:
        """Not ready while it refuses to sign or cannot remember; degraded while checkpoints await witnesses."""
        health = Health()

        async def log_continues() -> bool:
            return not self.refusing

        async def remembered() -> bool:
            return self.remembers

        async def witnessed() -> bool:
            return self.unwitnessed_seconds <= _UNWITNESSED_ROUNDS_MAX * self._interval_seconds

        health.needs["database"] = self._database.is_reachable
        health.needs["migrations"] = self._schema.is_there
        health.needs["log_continues_what_was_signed"] = log_continues
        health.needs["memory_of_what_was_signed"] = remembered
        health.likes["witnesses"] = witnessed
        return health

    async def close(self) -> None:
        await self._client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def run_signer(settings: LedgerSettings) -> None:
    """Signs until SIGTERM or SIGINT; health and metrics on `signer_port`."""
    database = Database(
        settings.signer_database_url.get_secret_value(),
        application_name="impactnet-ledger-signer",
        pool_size=2,  # it does one thing at a time, and somebody asks how it is
        pool_overflow=0,
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        async with Signer(settings, database) as signer:
            app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
            app.include_router(health_router(signer.health()))
            server = PlainServer(app, settings.host, settings.signer_port)
            async with asyncio.TaskGroup() as group:
                group.create_task(_serve(server, stop))
                await signer.run(stop)
                server.should_exit = True
    finally:
        await database.close()
    log.info("stopped")


async def _serve(server: PlainServer, stop: asyncio.Event) -> None:
    await server.serve()
    if not stop.is_set():
        raise RuntimeError("the health port ended without being asked to")
