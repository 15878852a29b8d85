"""That money came out of the donations it had to come from: all of it, from the first block on."""

from collections.abc import AsyncIterator
from typing import Protocol

from ledger.domain.lot_replay import Deed, LotReplay
from ledger.domain.refusals import InsufficientFundsError
from ledger.use_cases.verify_blocks import Finding


class LotEvidence(Protocol):
    def deeds(self) -> AsyncIterator[Deed]:
        """What every block that moves money did, in order; of a chain and rows that were found to be sound."""
        ...


async def verify_lots(source: LotEvidence) -> Finding | None:
    """The first block beside which other lots are written than first in, first out and earmarks give."""
    replay = LotReplay()
    async for deed in source.deeds():
        try:
            failure = replay.follow(deed)
        except InsufficientFundsError as refusal:
            failure = refusal.detail
        if failure is not None:
            return Finding(deed.block_index, f"lots: {failure}")
    return None
