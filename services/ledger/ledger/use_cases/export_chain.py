"""Exports of the first blocks of the chain, piece by piece: the same height gives the same bytes, for ever."""

from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Final

from ledger.domain import exports
from ledger.domain.block_data import MONEY_TYPES
from ledger.use_cases.reading_ports import ExportSource

_COMMITMENTS: Final = frozenset({"commitment"})


async def export_csv(source: ExportSource, height: int) -> AsyncIterator[bytes]:
    """Every movement of money, a line each. What a lower height says is how this file begins."""
    yield exports.csv_header()
    async for page in source.preimages(height, MONEY_TYPES):
        yield exports.csv_rows((exports.read_block(each), sha256(each).hexdigest()) for each in page)


async def export_grants(source: ExportSource, height: int) -> AsyncIterator[bytes]:
    """A 360Giving package of every award; its amounts are those of this height."""
    last = exports.read_block(await source.preimage(height - 1))
    yield exports.package_head(height, last["timestamp"])
    separator = b"\n"
    async for page in source.preimages(height, _COMMITMENTS):
        commitments = [exports.read_block(each) for each in page]
        moved = await source.of_awards([each["data"]["award_id"] for each in commitments], height)
        by_award: dict[str, list[dict[str, object]]] = {}
        for block in map(exports.read_block, moved):
            by_award.setdefault(block["data"]["award_id"], []).append(block)
        for commitment in commitments:
            yield separator + exports.grant(commitment, by_award.get(commitment["data"]["award_id"], []))
            separator = b",\n"
    yield exports.PACKAGE_END


async def export_preimages(source: ExportSource, height: int) -> AsyncIterator[bytes]:
    """The exact bytes of every block, a line each: what `impactnet-verify audit` reads. No block has a line break."""
    async for page in source.preimages(height):
        yield b"".join(each + b"\n" for each in page)
