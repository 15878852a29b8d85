"""Public reading costs the same at ten times the rows: no plan reads a whole table, and none touches more pages."""

import asyncio
import tracemalloc
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from chassis.testing.plans import asked_of, plan_of
from ledger.adapters.export_reading import ExportReader
from ledger.adapters.keys import development_key
from ledger.domain.checkpoints import Checkpoint
from ledger.domain.transactions import Status, TransactionType
from ledger.settings import DEVELOPMENT_ORIGIN
from ledger.use_cases.export_chain import export_csv, export_grants, export_preimages

SMALL, LARGE = 10_000, 100_000
CHAIN = "/api/v1/blockchain"
PROGRAMS = UUID(int=1), UUID(int=2)
# Pages that a read may touch more of at ten times the rows: a B-tree gets a level deeper.
PAGES_MORE = 40
# At any height; half a page for each of the links that a graph shows and counts at most.
PAGES_MAX = 8_000
# Twenty rows, and the way to them.
LIST_PAGES_MAX = 100
# What every table here that grows may be read by: an index.
SMALL_TABLES = {
    "account_totals", "block_counts", "head", "money_totals", "program_balances", "programs", "quarantined_events",
    "reconciled_days", "row_counts", "subject_keys",
}  # fmt: skip
# An export holds a page of blocks and what is made of it, whatever the height.
EXPORT_BYTES_MAX = 16 * 1024 * 1024

# From block 2 on: a donation, the commitment that it covers, the payment of that commitment, and so forth; $1 and $2
# are the first and the last of them. Their hashes do not link them: to hash so many, one after the other, takes long.
ID = "CAST('00000000-0000-7000-8000-' || lpad(to_hex({}), 12, '0') AS uuid)"
NAMES = {
    "blocks": "generate_series($1::bigint, $2::bigint) AS i",
    "kind": "(ARRAY['donation', 'commitment', 'disbursement'])[(i + 1) % 3 + 1]",
    "program": "CAST('00000000-0000-0000-0000-00000000000' || (i - 2) / 3 % 2 + 1 AS uuid)",
    "id": ID.format("i"),
    "award": ID.format("i - CASE WHEN i % 3 = 1 THEN 1 ELSE 0 END"),
    "before": ID.format("i - 1"),
    "lot": ID.format("i - 2"),
    "first": ID.format("2"),
}
FILL = (
    """INSERT INTO blocks (block_index, timestamp, transaction_type, transaction_id, data, previous_hash, hash, nonce,
        preimage)
    SELECT i, timestamptz '2026-02-01 00:00:00Z' + make_interval(secs => i), kind, transaction_id, data,
        lpad(to_hex(i), 64, '0'), encode(sha256(preimage), 'hex'), 1, preimage
    FROM (SELECT *, convert_to(json_build_object('block_index', i, 'timestamp', '2026-02-01T00:00:00.000000Z',
            'transaction_type', kind, 'transaction_id', transaction_id, 'data', data, 'previous_hash', repeat('0', 64),
            'nonce', 1)::text, 'UTF8') AS preimage
        FROM (SELECT *, id || CASE kind WHEN 'disbursement' THEN ':completed' ELSE '' END AS transaction_id,
                jsonb_build_object('amount', '10.00', 'currency', 'NGN', 'step', 'completed', 'program_id', program,
                'award_id', award, 'beneficiary_id', award, 'postings', jsonb_build_array(
                    jsonb_build_object('account', 'bank:clearing', 'amount', '-10.00'),
                    jsonb_build_object('account', 'beneficiary:' || award, 'amount', '10.00'))) AS data
            FROM (SELECT i, {kind} AS kind, {id} AS id, {program} AS program, {award} AS award FROM {blocks}) AS made
            ) AS told) AS written""",
    """INSERT INTO postings (block_index, line, account, currency, amount)
    SELECT i, line, CASE line WHEN 0 THEN 'bank:clearing' ELSE 'beneficiary:' || {award} END, 'NGN', line * 20 - 10
    FROM {blocks} CROSS JOIN generate_series(0, 1) AS line""",
    """INSERT INTO beneficiaries (beneficiary_id, user_id, program_id, application_id, amount_received, currency,
        is_public, joined_date)
    SELECT {id}, {id}, {program}, {id}, 10, 'NGN', (i - 2) / 3 % 4 < 2, '2026-01-01' FROM {blocks} WHERE i % 3 = 0""",
    """INSERT INTO transactions (id, transaction_type, status, program_id, application_id, award_id, beneficiary_id,
        user_id, amount, currency, blockchain_hash, previous_block_hash, block_index, initiated_at, completed_at)
    SELECT {id}, {kind}, 'completed', {program}, {award}, {award}, {award}, {id}, 10, 'NGN', hash, previous_hash, i,
        timestamp, timestamp
    FROM {blocks} JOIN blocks ON block_index = i ORDER BY i""",
    """INSERT INTO lots (donation_id, program_id, currency, amount, taken, received)
    SELECT {id}, {program}, 'NGN', 10, 10, i FROM {blocks} WHERE i % 3 = 2""",
    """INSERT INTO awards (award_id, application_id, program_id, beneficiary_id, commitment_id, amount, currency, paid)
    SELECT {id}, {id}, {program}, {id}, {id}, 10, 'NGN', 10 FROM {blocks} WHERE i % 3 = 0""",
    """INSERT INTO award_lots (award_id, donation_id, amount, paid)
    SELECT {id}, {before}, 10, 10 FROM {blocks} WHERE i % 3 = 0""",
    # Every payment is paid by a donation of its own, and a bit by the first one of all.
    """INSERT INTO transaction_links (from_transaction, to_transaction, amount)
    SELECT source, {id}, amount
    FROM {blocks} CROSS JOIN LATERAL (VALUES ({lot}, 9.99), ({first}, 0.01)) AS paid(source, amount)
    WHERE i % 3 = 1 ON CONFLICT DO NOTHING""",
    # Every payment was disputed once, and is settled.
    """INSERT INTO disputes (dispute_id, transaction_id, status_before, code, outcome, proposed_by, proposed_at,
        approved_by, approved_at, closed_at)
    SELECT {id}, {id}, 'completed', 'amount_differs', 'completed', {before}, now(), {lot}, now(), now()
    FROM {blocks} WHERE i % 3 = 1""",
    """INSERT INTO tree_spans (level, first, hashes)
    SELECT level, min(i), string_agg(sha256(int8send(level * 1000000 + i)), '' ORDER BY i)
    FROM generate_series(0, 16) AS level
        CROSS JOIN LATERAL generate_series($1::bigint >> level, ($2::bigint + 1 >> level) - 1) AS i
    GROUP BY level, i / 256""",
    """INSERT INTO block_verifications (id, from_index, to_index, ok, verified_by)
    SELECT {id}, i - 9, i, true, 'test' FROM {blocks} WHERE i % 10 = 9""",
    """INSERT INTO checkpoints (size, root, note)
    SELECT i, sha256('root'), 'an older one' FROM {blocks} WHERE i % 100 = 50""",
    """INSERT INTO checkpoint_cosignatures (size, witness, key_id, line, cosigned_at)
    SELECT i, witness, '01020304', 'a line', now() FROM {blocks}
        CROSS JOIN (VALUES ('one.example'), ('two.example')) AS known(witness) WHERE i % 100 = 50""",
    "UPDATE head SET size = $2::bigint + 1 WHERE $1::bigint > 0",
)

NOT_YET_VISIBLE = (
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'ledger'::regnamespace"
    " AND relallvisible < relpages"
)
# A snapshot of the ledger's own is held for well under a second.
VACUUM_SECONDS_MAX = 60


def id_of(number: int) -> UUID:
    return UUID(f"00000000-0000-7000-8000-{number:012x}")


class Filled:
    """A ledger that is filled to a size by plain SQL, and what its reads cost."""

    def __init__(self, scenario: Any) -> None:
        self.scenario = scenario
        self.size = 2

    async def fill(self, size: int) -> None:
        fetch = self.scenario.fetch
        if self.size == 2:
            await fetch("ALTER TABLE blocks DISABLE TRIGGER check_chain")
            await fetch("ALTER TABLE postings DISABLE TRIGGER post_entries")
            await fetch("ALTER TABLE transaction_links DISABLE TRIGGER check_links")
            await fetch("ALTER TABLE transactions DISABLE TRIGGER check_sources")
            await fetch("ALTER TABLE lots DISABLE TRIGGER check_lot_when_added")
            await fetch("ALTER TABLE lot_sums DISABLE TRIGGER check_lot")
            for program in PROGRAMS:
                await fetch("INSERT INTO programs (program_id, currency) VALUES ($1, 'NGN')", program)
        for template in FILL:
            statement = template
            for name, text in NAMES.items():
                statement = statement.replace("{" + name + "}", text)
            await fetch(statement, self.size, size - 1)
        note = Checkpoint(DEVELOPMENT_ORIGIN, size, bytes(32)).signed(development_key(DEVELOPMENT_ORIGIN))
        await fetch("INSERT INTO checkpoints (size, root, note) VALUES ($1, $2, $3)", size, bytes(32), note)
        await self._vacuum()
        self.size = size

    async def _vacuum(self) -> None:
        """Until the planner knows every page as visible to all: one that is not makes it choose another plan.

        A worker of the ledger that reads meanwhile holds a snapshot back, and with it what a VACUUM may call visible.
        """
        async with asyncio.timeout(VACUUM_SECONDS_MAX):
            await self.scenario.fetch("VACUUM ANALYZE")
            while await self.scenario.fetch(NOT_YET_VISIBLE):
                await self.scenario.fetch("VACUUM ANALYZE")

    async def paths(self) -> list[str]:
        """Every public read, in the middle of what there is and at its end."""
        middle = self.size // 6 * 3
        [block] = await self.scenario.fetch("SELECT hash FROM blocks WHERE block_index = $1", middle)
        lot, award, paid, shown = id_of(middle + 2), id_of(middle + 3), id_of(middle + 4), middle // 12 * 12 + 3
        return [
            f"{CHAIN}/chain/?limit=100",
            f"{CHAIN}/chain/?from_index={middle}&limit=100",
            f"{CHAIN}/chain/?from_index={self.size - 50}&limit=100",
            f"{CHAIN}/blocks/{middle}/",
            f"{CHAIN}/verify/{block['hash']}/",
            f"/api/v1/transactions/blockchain/{block['hash']}/",
            f"{CHAIN}/graph/",
            f"{CHAIN}/graph/?depth=10",
            f"{CHAIN}/graph/?program_id={PROGRAMS[0]}&depth=3",
            *(f"{CHAIN}/trace/{each}/?direction=forward" for each in (id_of(2), lot, award)),
            *(f"{CHAIN}/trace/{each}/?direction=backward" for each in (award, paid)),
            f"{CHAIN}/stats/",
            f"{CHAIN}/integrity/",
            f"{CHAIN}/checkpoint/",
            f"{CHAIN}/proofs/inclusion/{block['hash']}/",
            f"{CHAIN}/proofs/consistency/?from={middle}&to={self.size}",
            f"{CHAIN}/tiles/tile/0/001",
            f"{CHAIN}/tiles/tile/entries/001",
            "/api/v1/beneficiaries/?limit=100",
            f"/api/v1/beneficiaries/?program_id={PROGRAMS[1]}&limit=100",
            f"/api/v1/beneficiaries/{id_of(shown)}/",
            f"/api/v1/beneficiaries/{id_of(shown)}/impact/",
            "/api/v1/transactions/export.csv?height=1000",
            "/api/v1/transactions/export.360giving.json?height=1000",
            f"{CHAIN}/export.preimages.jsonl?height=1000",
        ]

    async def costs(self) -> dict[str, int]:
        """Pages that each read touches. Once they are large, no plan reads a growing table from end to end."""
        found: dict[str, int] = {}
        async with self.scenario.service.client() as anyone:
            for path in await self.paths():
                with asked_of(self.scenario.service.api.database) as asked:
                    answer = await anyone.get(path)
                assert answer.status_code == 200, (path, answer.text[:300])
                found[path] = 0
                for statement, parameters in questions(asked):
                    plan = await self.plan(statement, parameters)
                    whole = sorted(scanned(plan) - SMALL_TABLES)
                    assert self.size < LARGE or not whole, f"{path} reads all of {whole}: {statement}"
                    if whole:
                        # Reading a small table whole is right; what grows is compared by the way that it grows into.
                        plan = await self.plan(statement, parameters, "SET LOCAL enable_seqscan = off")
                    found[path] += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        return found

    async def plan(self, statement: str, parameters: Any, first: str = "SELECT 1") -> dict[str, Any]:
        async with self.scenario.service.api.database.reading() as connection:
            await connection.exec_driver_sql(first)
            plan: dict[str, Any] = await plan_of(connection, statement, parameters, "ANALYZE, BUFFERS")
        return plan


def scanned(plan: dict[str, Any]) -> set[str]:
    own = {plan["Relation Name"]} if plan["Node Type"] == "Seq Scan" else set()
    return own.union(*(scanned(part) for part in plan.get("Plans", ())))


def questions(asked: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Those of the statements that read."""
    return [each for each in asked if each[0].lstrip().startswith(("SELECT", "WITH"))]


@pytest.fixture
async def filled(scenario) -> Filled:
    scenario.is_sound = False
    return Filled(scenario)


async def test_no_public_read_grows_with_the_chain(filled):
    await filled.fill(SMALL)
    before = await filled.costs()
    await graph_is_cut_and_says_so(filled)
    await filled.fill(LARGE)
    after = await filled.costs()
    grown = {
        path: (pages, later)
        for (path, pages), later in zip(before.items(), after.values(), strict=True)
        if later > pages * 1.5 + PAGES_MORE or later > PAGES_MAX
    }
    assert not grown, grown
    await graph_is_cut_and_says_so(filled)
    await lists_of_transactions_cost_a_page(filled)
    await memory_is_that_of_a_page(filled)


async def graph_is_cut_and_says_so(filled: Filled) -> None:
    async with filled.scenario.service.client() as anyone:
        for query in ("", f"?program_id={PROGRAMS[0]}", "?depth=10"):
            graph = (await anyone.get(f"{CHAIN}/graph/{query}")).json()
            assert graph["truncated"] is True
            assert graph["cut"] == {"nodes": 500, "links": 500, "reason": "count", "at_least": True}
            paid = {node["id"]: node["amount"] for node in graph["nodes"] if node["type"] == "disbursement"}
            assert 100 <= len(paid) <= 250
            arrived = dict.fromkeys(paid, 0)
            for link in graph["links"]:
                arrived[link["target"]] += round(float(link["amount"]) * 100)
            assert {each: f"{cents / 100:.2f}" for each, cents in arrived.items()} == paid, (
                "no payment is shown in part"
            )
        whole = (await anyone.get(f"{CHAIN}/trace/{id_of(2)}/")).json()
        assert len(whole["links"]) == 500
        assert whole["cut"] == {"nodes": 501, "links": 501, "reason": "count", "at_least": True}


async def lists_of_transactions_cost_a_page(filled: Filled) -> None:
    """Whatever an admin asks for: of most kinds and states there is nothing here, and that is found out at once."""
    async with filled.scenario.service.client(filled.scenario.admin, "admin") as admin:
        for kind, status in product((None, *TransactionType), (None, *Status)):
            asked = {"transaction_type": kind, "status": status}
            with asked_of(filled.scenario.service.api.database) as said:
                answer = await admin.get("/api/v1/transactions/", params={k: v for k, v in asked.items() if v})
            assert answer.status_code == 200, (asked, answer.text)
            last = questions(said)[-1]
            plan = await filled.plan(*last)
            assert "transactions" not in scanned(plan), asked
            # A plan that is kept for whatever state has to fit the most frequent one.
            assert status is None or f"'{status}'" in last[0], asked
            assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] <= LIST_PAGES_MAX, asked


async def memory_is_that_of_a_page(filled: Filled) -> None:
    source = ExportReader(filled.scenario.service.api.database)
    for write in (export_csv, export_grants, export_preimages):
        tracemalloc.start()
        size = 0
        async for piece in write(source, filled.size):
            size += len(piece)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert size > 2 * EXPORT_BYTES_MAX, "what is small anyway proves nothing"
        assert peak < EXPORT_BYTES_MAX, (write.__name__, peak)
