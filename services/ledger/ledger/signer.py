"""The signer: a process of its own, with its own database role and the only private key."""

import asyncio
import signal
from pathlib import Path

import structlog
from prometheus_client import Gauge

from chassis.database import Database, database_is_away
from ledger.adapters.keys import signing_key, verifier_keys
from ledger.adapters.signer_log import PostgresLog, RememberedNote
from ledger.settings import LedgerSettings
from ledger.use_cases.sign_checkpoint import Identity, LogRewrittenError, sign_checkpoint

log = structlog.get_logger(__name__)

REFUSING = Gauge("impactnet_ledger_signer_refusing", "1 while the signer refuses to sign a log that was rewritten.")


class Signer:
    """Signs every `signer_interval_seconds` while the log grows."""

    def __init__(self, settings: LedgerSettings, database: Database) -> None:
        self._interval_seconds = settings.signer_interval_seconds
        self._database = database
        self._identity = Identity(signing_key(settings), tuple(verifier_keys(settings)))
        path = None if settings.signer_state_path is None else Path(settings.signer_state_path)
        self._remembered = RememberedNote(path)

    async def sign_once(self) -> str | None:
        """The new note, or None while the log has not grown; remembered only once it is committed.

        Raises:
            LogRewrittenError
        """
        async with self._database.unit_of_work() as work:
            note = await sign_checkpoint(PostgresLog(work), self._identity, remembered=self._remembered.read())
        if note is not None:
            self._remembered.write(note)
        return note

    async def run(self) -> None:
        """Until SIGTERM or SIGINT; a database that is away is waited for, a rewritten log is never signed."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        while not stop.is_set():
            await self._tick()
            try:
                await asyncio.wait_for(stop.wait(), self._interval_seconds)
            except TimeoutError:
                continue
        log.info("stopped")

    async def _tick(self) -> None:
        try:
            if await self.sign_once() is not None:
                log.info("checkpoint_signed")
            REFUSING.set(0)
        except LogRewrittenError as refusal:
            REFUSING.set(1)
            log.critical("signing_refused", detail=refusal.detail)
        except Exception as error:
            if not database_is_away(error):
                raise
            log.warning("signer_database_away", error=type(error).__name__)


async def run_signer(settings: LedgerSettings) -> None:
    database = Database(
        settings.signer_database_url.get_secret_value(),
        application_name="impactnet-ledger-signer",
        pool_size=1,  # it does one thing at a time
        pool_overflow=0,
    )
    try:
        await Signer(settings, database).run()
    finally:
        await database.close()
