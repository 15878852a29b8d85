"""What a chain has to be after each step, recomputed from its rows without the code that wrote them."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from hashlib import sha256
from typing import Any
from uuid import UUID

import asyncpg

from contracts.envelope import Event

Moves = Mapping[str, Decimal]

_BLOCKS = (
    "SELECT block_index, timestamp, transaction_type, transaction_id, data->>'tranche_id' AS tranche_id,"
    " previous_hash, hash, nonce, preimage FROM blocks ORDER BY block_index"
)
_ANNOUNCED = "SELECT payload FROM outbox WHERE event_type = $1 ORDER BY position"


@dataclass(frozen=True, slots=True)
class Effect:
    """What one event has to leave behind: a block of a type, found by `key`, and moves of money; or a refusal."""

    block_type: str | None
    key: str
    moves: Moves = field(default_factory=dict)


@cache
def _leaf(preimage: bytes) -> bytes:
    return sha256(b"\x00" + preimage).digest()


@cache
def _pair(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


@cache
def _read(preimage: bytes) -> tuple[str, dict[str, Any]]:
    return sha256(preimage).hexdigest(), json.loads(preimage)


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """RFC 9162, 2.1.1, as it is written: split at the largest power of two below the size."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else sha256(b"").digest()
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return _pair(tree_root(leaves[:split]), tree_root(leaves[split:]))


def complete_nodes(leaves: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
    """Every complete subtree by (level, index)."""
    row, level = list(leaves), 0
    nodes: dict[tuple[int, int], bytes] = {}
    while row:
        nodes |= {(level, index): digest for index, digest in enumerate(row)}
        row = [_pair(row[at], row[at + 1]) for at in range(0, len(row) - 1, 2)]
        level += 1
    return nodes


def check_chain(blocks: Sequence[asyncpg.Record]) -> None:
    """From genesis on without a gap, each linked to the one before, epochs never falling and times rising."""
    previous = None
    for position, block in enumerate(blocks):
        assert block["block_index"] == position, f"a gap at {position}"
        digest, said = _read(block["preimage"])
        assert digest == block["hash"]
        for column in ("block_index", "transaction_type", "transaction_id", "previous_hash", "nonce"):
            assert said[column] == block[column], f"{column} of {position}"
        if previous is None:
            assert block["previous_hash"] == "0" * 64
            assert block["transaction_type"] == "genesis"
        else:
            assert block["previous_hash"] == previous["hash"], f"{position} is not linked"
            assert block["nonce"] >= previous["nonce"], f"the epoch falls at {position}"
            assert block["timestamp"] > previous["timestamp"], f"time falls at {position}"
        previous = block


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the invariants speak of, read in one transaction."""

    blocks: list[asyncpg.Record]
    head: asyncpg.Record
    nodes: dict[tuple[int, int], bytes]
    balances: dict[str, Decimal]
    waiting: set[UUID]
    buried: int
    quarantined: list[UUID]
    refused: list[str]
    told: list[int]

    @classmethod
    async def read(cls, connection: asyncpg.Connection) -> "Snapshot":
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            fetch = connection.fetch
            [head] = await fetch("SELECT * FROM head")
            appended = await _announced(connection, "ledger.blocks_appended.v1")
            return cls(
                blocks=await fetch(_BLOCKS),
                head=head,
                nodes={(row["level"], row["index"]): row["hash"] for row in await fetch("SELECT * FROM tree_nodes")},
                balances={row["account"]: row["balance"] for row in await fetch("SELECT * FROM balances")},
                waiting={row["event_id"] for row in await fetch("SELECT event_id FROM parked_events")},
                buried=len(await fetch("SELECT FROM outbox WHERE event_type = 'dead_letter'")),
                quarantined=[row["event_id"] for row in await fetch("SELECT event_id FROM quarantined_events")],
                refused=[fact["award_id"] for fact in await _announced(connection, "ledger.commitment_refused.v1")],
                told=[block["index"] for fact in appended for block in fact["blocks"]],
            )

    def check_shape(self) -> None:
        """The chain, its tree and its head fit together, whatever is in it."""
        check_chain(self.blocks)
        leaves = [_leaf(block["preimage"]) for block in self.blocks]
        assert self.nodes == complete_nodes(leaves), "the tree is not the one over the blocks"
        head, last = self.head, self.blocks[-1]
        assert (head["size"], head["tip"], head["tip_at"]) == (len(self.blocks), last["hash"], last["timestamp"])
        assert head["epoch"] >= last["nonce"]
        peaks = [head["peaks"][start : start + 32] for start in range(0, len(head["peaks"]), 32)]
        root = peaks.pop()
        while peaks:
            root = _pair(peaks.pop(), root)
        assert root == tree_root(leaves), "the head's root is not the root over the blocks"
        assert sum(self.balances.values()) == 0
        # Genesis is made by the migration and announced to nobody.
        assert sorted(self.told) == list(range(1, len(self.blocks))), "each block is announced once"


class Model:
    """What was said, what of it was acknowledged, and so what the ledger has to hold."""

    def __init__(self, start: Snapshot) -> None:
        self._start = start
        self._seen = start
        self.effects: dict[UUID, Effect] = {}
        self.events: dict[UUID, Event] = {}
        # In the order in which they were first said.
        self.said: list[Event] = []
        self.acknowledged: set[UUID] = set()
        self.in_doubt: set[UUID] = set()
        self.contradicted: list[UUID] = []
        self.done: set[UUID] = set()
        self.writers: dict[int, str | None] = {}

    def expect(self, event: Event, effect: Effect) -> Event:
        """An event that will be said, and what it has to leave behind."""
        self.events[event.id] = event
        self.effects[event.id] = effect
        return event

    def say(self, events: Iterable[Event], *, is_acknowledged: bool) -> None:
        """These were handed over; without an acknowledgement nobody knows what became of them."""
        for event in events:
            if event.id not in self.acknowledged | self.in_doubt:
                self.said.append(self.events[event.id])
            (self.acknowledged if is_acknowledged else self.in_doubt).add(event.id)
        self.in_doubt -= self.acknowledged

    @property
    def owed(self) -> list[Event]:
        """What Kafka delivers again, for nobody has acknowledged it."""
        return [event for event in self.said if event.id in self.in_doubt]

    def check(self, now: Snapshot, writer: str | None = None) -> None:
        """After a step; `writer` is who alone can have written what is new."""
        now.check_shape()
        before = [block["hash"] for block in self._seen.blocks]
        assert [block["hash"] for block in now.blocks[: len(before)]] == before, "what was there is gone or changed"
        assert now.head["epoch"] >= self._seen.head["epoch"], "the head's epoch falls"
        self._check_takeovers(now, writer)
        self.done = self._check_events(now)
        expected: dict[str, Decimal] = defaultdict(Decimal, self._start.balances)
        for event_id in self.done:
            for account, amount in self.effects[event_id].moves.items():
                expected[account] += amount
        assert _not_zero(now.balances) == _not_zero(expected)
        self._seen = now

    def _check_takeovers(self, now: Snapshot, writer: str | None) -> None:
        for block in now.blocks[len(self._seen.blocks) :]:
            self.writers[block["block_index"]] = writer
        for index, one in self.writers.items():
            other = self.writers.get(index - 1)
            if None not in (one, other) and one != other:
                nonces = now.blocks[index - 1]["nonce"], now.blocks[index]["nonce"]
                assert nonces[0] < nonces[1], f"{one} took over from {other} at {index} and does not show it"

    def _check_events(self, now: Snapshot) -> set[UUID]:
        """Exactly one effect each, unless it waits; gives the events that have had theirs."""
        new = now.blocks[len(self._start.blocks) :]
        keys = [block["tranche_id"] or block["transaction_id"] for block in new]
        types = dict(zip(keys, (block["transaction_type"] for block in new), strict=True))
        assert len(types) == len(keys), "two blocks of one event"
        refused = now.refused[len(self._start.refused) :]
        assert len(set(refused)) == len(refused), "refused twice"
        done = set()
        for event_id, effect in self.effects.items():
            is_done = effect.key in (refused if effect.block_type is None else types)
            if is_done:
                done.add(event_id)
                assert event_id in self.acknowledged | self.in_doubt, "a block of what nobody said"
                assert event_id not in now.waiting, "it waits, and has its block"
                assert types.pop(effect.key, None) == effect.block_type
            elif event_id in self.acknowledged:
                assert event_id in now.waiting, f"acknowledged and lost: {self.events[event_id].type}"
        assert not types, "blocks that no event asked for"
        assert now.buried == self._start.buried, "given up on"
        # In no order of their own: what is new is what was not there.
        assert Counter(now.quarantined) == Counter(self._start.quarantined) + Counter(self.contradicted)
        return done


async def _announced(connection: asyncpg.Connection, event_type: str) -> list[dict[str, Any]]:
    return [json.loads(row["payload"])["data"] for row in await connection.fetch(_ANNOUNCED, event_type)]


def _not_zero(balances: Mapping[str, Any]) -> dict[str, Any]:
    return {account: balance for account, balance in balances.items() if balance}
