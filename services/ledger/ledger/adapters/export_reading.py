"""Pages of the chain for exports: each on a connection of its own, so that a slow reader of an export holds none."""

from collections.abc import AsyncIterator, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Uuid, bindparam, case, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from chassis.database import Database
from ledger.adapters.tables.chain import blocks, head
from ledger.use_cases.reading_ports import ChainGapError

# Blocks per page: about half a megabyte, whatever the height.
PAGE_BLOCKS: Final = 500

# The rows of `transactions` say only where to look; what is exported is what the blocks say. A payment's blocks are
# named after it: `<id>:<step>`, and a bank's return `<id>:reversed`.
_OF_AWARDS: Final = text(
    "SELECT blocks.preimage FROM transactions CROSS JOIN LATERAL"
    " (VALUES (CAST(transactions.id AS varchar)),"
    r" (transactions.id || '\:completed'), (transactions.id || '\:reversed'))"
    " AS named(transaction_id) JOIN blocks ON blocks.transaction_id = named.transaction_id"
    " WHERE transactions.award_id = ANY (:awards) AND blocks.block_index < :height"
    " AND blocks.transaction_type <> 'commitment' ORDER BY blocks.block_index"
).bindparams(bindparam("awards", type_=ARRAY(Uuid)), bindparam("height", type_=BigInteger))


class ExportReader:
    """Keeps `reading_ports.ExportSource`. Blocks never change, so that pages need no common snapshot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def height(self) -> int:
        async with self._database.reading() as connection:
            return int(await connection.scalar(select(head.c.size).where(head.c.id == 1)) or 0)

    async def preimage(self, index: int) -> bytes:
        async with self._database.reading() as connection:
            found = await connection.scalar(select(blocks.c.preimage).where(blocks.c.block_index == index))
        if found is None:
            raise ChainGapError(f"block {index} is missing")
        return bytes(found)

    async def preimages(self, height: int, types: frozenset[str] | None = None) -> AsyncIterator[list[bytes]]:
        for start in range(0, height, PAGE_BLOCKS):
            end = min(start + PAGE_BLOCKS, height)
            wanted: ColumnElement[bytes] = blocks.c.preimage
            if types is not None:
                wanted = case((blocks.c.transaction_type.in_(sorted(types)), wanted))
            statement = (
                select(wanted)
                .where(blocks.c.block_index >= start, blocks.c.block_index < end)
                .order_by(blocks.c.block_index)
            )
            async with self._database.reading() as connection:
                found = (await connection.scalars(statement)).all()
            if len(found) != end - start:
                raise ChainGapError(f"of blocks {start} to {end - 1} there are {len(found)}")
            yield [bytes(each) for each in found if each is not None]

    async def of_awards(self, award_ids: Sequence[str], height: int) -> list[bytes]:
        if not award_ids:
            return []
        values = {"awards": [UUID(each) for each in award_ids], "height": height}
        async with self._database.reading() as connection:
            return [bytes(each) for each in (await connection.scalars(_OF_AWARDS, values)).all()]
