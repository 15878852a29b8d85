"""The worker's verifications: of what is new, of a little of everything all day, of all of it at night."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from chassis.database import Database
from chassis.timers import Timer
from ledger.adapters.keys import state_keys, verifier_keys
from ledger.adapters.verification_log import ChainVerifier
from ledger.adapters.verification_rounds import SCRUB_EVERY_SECONDS, VerificationRounds
from ledger.settings import LedgerSettings
from ledger.use_cases.verify_chain import Trust

WORKER: Final = "ledger worker"
# New blocks are verified within seconds of being written; each block once.
GROWTH_EVERY_SECONDS: Final = 5
# The nightly pass may begin a minute late.
NIGHTLY_EVERY_SECONDS: Final = 60


def make_verifier(settings: LedgerSettings, database: Database, outside_note: str | None = None) -> ChainVerifier:
    path = None if settings.verified_state_path is None else Path(settings.verified_state_path)
    trust = Trust(tuple(verifier_keys(settings)), settings.origin, outside_note, state_keys(settings))
    return ChainVerifier(database, trust, state_path=path)


class VerificationParts:
    def __init__(self, settings: LedgerSettings, database: Database) -> None:
        self._verifier = make_verifier(settings, database)
        self._rounds = VerificationRounds(database, self._verifier, settings.nightly_verification_hour)

    @property
    def timers(self) -> Sequence[Timer]:
        return (
            Timer("verify_growth", GROWTH_EVERY_SECONDS, self._verify_growth),
            Timer("scrub", SCRUB_EVERY_SECONDS, self._rounds.scrub),
            Timer("verify_nightly", NIGHTLY_EVERY_SECONDS, self._rounds.read_everything),
        )

    async def _verify_growth(self) -> bool:
        return await self._verifier.verify_growth(WORKER)
