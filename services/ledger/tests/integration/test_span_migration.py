"""A ledger of before the tree was kept in spans: the migration packs its nodes, and the log goes on as the same log."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import cycle
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from services.ledger.tests.processes import run_ledger
from services.ledger.tests.scenario import KEY, Scenario
from services.ledger.tests.upgrading import ledger_at, upgrade

from chassis.ids import new_id
from chassis.testing.harness import running_service
from chassis.testing.servers import PostgresServer
from ledger.bootstrap import SERVICE
from ledger.domain import drafts, merkle, tiles
from ledger.domain.block import Sealed, Stamps, genesis, next_timestamp, seal_block
from ledger.domain.checkpoints import Checkpoint
from ledger.settings import DEVELOPMENT_ORIGIN

BEFORE = "0012"
# No power of two, no multiple of what a span holds, and neither are most of the batches that it grew by.
SIZE = 2 * 1024 + 777
BATCHES = (1, 2, 3, 100, 255, 256)
# The first block, the last, both sides of where spans meet, and something in between.
PROVEN = (0, 1, 255, 256, 1500, 2047, 2048, SIZE - 1)
# The event behind each of the blocks, and what the event told.
EVENT_TYPE = "applications.interview_completed.v1"
TOLD: dict[str, Any] = {"transcript_sha256": "b" * 64, "messages": 10, "model": "rules", "prompt_version": "1"}
NODES = "SELECT level, index, hash FROM tree_nodes ORDER BY level, index"


@pytest.fixture
def urls(postgres_server: PostgresServer) -> Iterator[dict[str, str]]:
    """The roles' URLs of a ledger of the release before."""
    with ledger_at(postgres_server, BEFORE) as made:
        yield made


class OldWriter:
    """Appends as the worker of the release before: by its own role, a row for each node."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._tip, self._tip_at = genesis().hash, genesis().timestamp
        self._stamps = Stamps()
        self.hashes = [genesis().hash]
        self.leaves = [genesis().leaf_hash]
        self.frontier, self.nodes = merkle.append(merkle.EMPTY, self.leaves)

    async def append(self, count: int) -> None:
        sealed = [self._seal(len(self.leaves) + at) for at in range(count)]
        leaves = [merkle.leaf_hash(block.preimage) for block in sealed]
        self.frontier, nodes = merkle.append(self.frontier, leaves)
        self.hashes += [block.hash for block in sealed]
        self.leaves += leaves
        self.nodes += nodes
        moved = (self.frontier.size, self._tip, self._tip_at, b"".join(self.frontier.peaks))
        async with self._connection.transaction():
            await self._copy("blocks", [name.removesuffix("_text") for name in Sealed._fields], sealed)
            booked = [(UUID(block.transaction_id), EVENT_TYPE, b"\0" * 32) for block in sealed]
            rows = [(node.level, node.index, node.hash) for node in nodes]
            await self._copy("booked_events", ["event_id", "event_type", "event_hash"], booked)
            await self._copy("tree_nodes", ["level", "index", "hash"], rows)
            await self._connection.execute(
                "UPDATE head SET epoch = 1, size = $1, tip = $2, tip_at = $3, peaks = $4 WHERE id = 1", *moved
            )

    async def _copy(self, table: str, columns: list[str], rows: list[Any]) -> None:
        await self._connection.copy_records_to_table(table, records=rows, columns=columns)

    def _seal(self, index: int) -> Sealed:
        draft = drafts.interview(new_id(), application_id=new_id(), **TOLD)
        self._tip_at = next_timestamp(datetime.now(UTC), self._tip_at)
        block = seal_block(
            draft.transaction_type,
            draft.transaction_id,
            draft.data_text,
            block_index=index,
            timestamp=self._tip_at,
            time_text=self._stamps.text_of(self._tip_at),
            previous_hash=self._tip,
            nonce=1,
        )
        self._tip = block.hash
        return block


async def grown(url: str) -> OldWriter:
    connection = await asyncpg.connect(url.replace("postgresql+asyncpg", "postgresql"))
    try:
        writer, batches = OldWriter(connection), cycle(BATCHES)
        while left := SIZE - len(writer.leaves):
            await writer.append(min(next(batches), left))
        return writer
    finally:
        await connection.close()


async def check_proofs(scenario: Scenario, old: OldWriter) -> None:
    """Of blocks of before, and that the tree of now begins with the trees of before."""
    async with scenario.service.client() as anyone:
        for index in PROVEN:
            path = f"/api/v1/blockchain/proofs/inclusion/{old.hashes[index]}/"
            proof = (await anyone.get(path)).json()
            root, hashes = bytes.fromhex(proof["root_hash"]), [bytes.fromhex(each) for each in proof["hashes"]]
            merkle.verify_inclusion(old.leaves[index], index, proof["tree_size"], hashes, root)
        for start in (1, 255, 256, 257, 1500, 2048, SIZE):
            before, _ = merkle.append(merkle.EMPTY, old.leaves[:start])
            asked = {"from": start, "to": proof["tree_size"]}
            between = (await anyone.get("/api/v1/blockchain/proofs/consistency/", params=asked)).json()
            hashes = [bytes.fromhex(each) for each in between["hashes"]]
            merkle.verify_consistency(start, before.root(), proof["tree_size"], root, hashes)
        # The last tile begins in what was packed, and ends in what was appended since.
        first = SIZE // tiles.TILE_WIDTH
        path = tiles.Tile(0, first, proof["tree_size"] - first * tiles.TILE_WIDTH).path
        tile = (await anyone.get(f"/api/v1/blockchain/tiles/{path}")).content
        before_of_tile = old.leaves[first * tiles.TILE_WIDTH :]
        assert tiles.decode_hashes(tile)[: len(before_of_tile)] == before_of_tile


async def test_a_long_tree_is_packed_node_for_node_and_grows_on(urls, tmp_path):
    old = await grown(urls["ledger_worker"])
    signed_before = tmp_path / "checkpoint"
    signed_before.write_text(Checkpoint(DEVELOPMENT_ORIGIN, SIZE, old.frontier.root()).signed(KEY))
    await upgrade(urls, "head")
    async with running_service(SERVICE, urls) as service:
        scenario = Scenario(service, urls, new_id(), new_id(), new_id(), new_id())
        kept = [(row["level"], row["index"], row["hash"]) for row in await scenario.fetch(NODES)]
        assert kept == sorted((node.level, node.index, node.hash) for node in old.nodes)
        spans = await scenario.fetch("SELECT level, count(*) FROM tree_spans GROUP BY level ORDER BY level")
        assert [row["count"] for row in spans][:3] == [12, 6, 3], "spans of up to 256 nodes"
        status, out, err = await run_ledger(urls, "verify", "--checkpoint", str(signed_before))
        assert (status, out) == (0, f"ok: blocks 0 to {SIZE - 1}\n"), err
        assert await scenario.sign()
        await check_proofs(scenario, old)
        # One by one, then many at once.
        await scenario.create_program()
        await scenario.donate("10.00")
        await asyncio.gather(*(service.deliver(scenario.rejection()) for _ in range(20)))
        assert await scenario.sign()
        await check_proofs(scenario, old)
        status, out, err = await run_ledger(urls, "verify", "--checkpoint", str(signed_before))
        assert (status, out) == (0, f"ok: blocks 0 to {SIZE + 21}\n"), err
