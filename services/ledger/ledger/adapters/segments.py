"""Reads a stretch of the chain on a plain driver connection and checks it: blocks, postings, and the tree over them."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

import orjson

from ledger.domain.accounts import Posting
from ledger.domain.block import NO_PREVIOUS_HASH
from ledger.domain.block_data import MONEY_TYPES, entry_of
from ledger.domain.block_screening import BlockRow, Link, Screening, moment_of, screen
from ledger.domain.money import format_amount
from ledger.domain.tree_walk import Level, levels_within, subtrees_of
from ledger.domain.verification import StoredBlock, check_block, first_failure
from ledger.use_cases.verification_ports import Segment

_BLOCKS: Final = """
    SELECT block_index, timestamp::text, transaction_type, transaction_id, data::text, previous_hash, hash, nonce,
        preimage
    FROM blocks WHERE block_index >= $1 AND block_index < $2 ORDER BY block_index"""
_POSTINGS: Final = """
    SELECT block_index, line, account, currency, amount::text
    FROM postings WHERE block_index >= $1 AND block_index < $2 ORDER BY block_index, line"""
_NODES: Final = """
    SELECT index, hash FROM tree_nodes WHERE level = $1 AND index >= $2 AND index < $3 ORDER BY index"""
# One value per level: nodes are half of what is read, and as rows they would cost more than the blocks.
_NODES_JOINED: Final = """
    SELECT of_level, amount, joined
    FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS wanted(of_level, first, after)
    CROSS JOIN LATERAL (
        SELECT count(*) AS amount, string_agg(hash, ''::bytea ORDER BY index) AS joined
        FROM tree_nodes WHERE level = of_level AND index >= first AND index < after) AS nodes"""

_Line = tuple[int, int, str, str, str]


async def check_segment(connection: Any, start: int, end: int) -> Segment:
    """`connection` is asyncpg's, in a transaction that sees one snapshot, with ISO dates in UTC."""
    rows = await connection.fetch(_BLOCKS, max(0, start - 1), end)
    before, rows = _split(rows, start)
    missing = next((start + at for at, row in enumerate(rows) if row[0] != start + at), None)
    if missing is None and len(rows) < end - start:
        missing = start + len(rows)
    rows = rows[: (end if missing is None else missing) - start]
    screening = screen(rows, _link(before))
    lines = [tuple(row) for row in await connection.fetch(_POSTINGS, start, start + len(rows))]
    broken, moved = _check_rows(rows, before, screening, lines)
    if broken is None and missing is not None:
        broken = (missing, "missing: no such block")
    sound = screening.leaves if broken is None else screening.leaves[: broken[0] - start]
    levels = levels_within(start, sound)
    wrong_node = await _check_nodes(connection, levels)
    if wrong_node is not None:
        broken = wrong_node
    subtrees = [] if broken else subtrees_of(levels, start, end)
    last = screening.last
    return Segment(start, end, subtrees, moved, last.hash, last.moment, last.nonce, broken)


def _split(rows: list[Any], start: int) -> tuple[StoredBlock | None, list[Any]]:
    """The block before the stretch, if it is there, and the stretch."""
    if start and rows and rows[0][0] == start - 1:
        return _stored(rows[0], []), rows[1:]
    return None, rows


def _link(before: StoredBlock | None) -> Link:
    if before is None:
        return Link(NO_PREVIOUS_HASH, "", 0)
    moment = before.timestamp.replace(tzinfo=None).isoformat(timespec="microseconds")
    # Its hash is computed from its bytes, as check_block does: its columns are not this stretch's business.
    return Link(sha256(before.preimage).hexdigest(), moment, before.nonce)


def _check_rows(
    rows: Sequence[Any], before: StoredBlock | None, screening: Screening, lines: Sequence[_Line]
) -> tuple[tuple[int, str] | None, dict[str, int]]:
    """The first block that is broken, and what moved."""
    moved: dict[str, int] = defaultdict(int)
    expected: list[_Line] = []
    for index, (currency, amount, source, target) in screening.moves:
        minor = int(amount.replace(".", ""))
        moved[f"{currency} {source}"] -= minor
        moved[f"{currency} {target}"] += minor
        expected += [(index, 0, source, currency, f"-{amount}"), (index, 1, target, currency, amount)]
    if not screening.suspects and lines == expected:
        return None, moved
    by_block: dict[int, list[_Line]] = defaultdict(list)
    for line in lines:
        by_block[line[0]].append(line)
    wanted: dict[int, list[_Line]] = defaultdict(list)
    for line in expected:
        wanted[line[0]].append(line)
    doubtful = set(screening.suspects) | {
        index - rows[0][0] for index in by_block.keys() | wanted.keys() if by_block[index] != wanted[index]
    }
    for position in sorted(doubtful):
        previous = _stored(rows[position - 1], []) if position else before
        block = _stored(rows[position], by_block[rows[position][0]])
        failed = first_failure(check_block(block, previous))
        if failed is None and [line[1] for line in by_block[block.block_index]] != list(range(len(block.postings))):
            return (block.block_index, "postings: the lines are not numbered as in the bytes"), moved
        if failed is not None:
            return (block.block_index, f"{failed.name}: {failed.detail}"), moved
        if position in screening.suspects and block.transaction_type in MONEY_TYPES:
            _add(moved, block)
    return None, moved


def _add(moved: dict[str, int], block: StoredBlock) -> None:
    entry = entry_of(block.data)
    for posting in entry.postings:
        minor = int(format_amount(posting.amount, entry.currency).replace(".", ""))
        moved[f"{entry.currency} {posting.account}"] += minor


def _stored(row: Any, lines: Sequence[_Line]) -> StoredBlock:
    fields = BlockRow(*row)
    return StoredBlock(
        fields.block_index,
        _moment(fields.timestamp),
        fields.transaction_type,
        fields.transaction_id,
        orjson.loads(fields.data),
        fields.previous_hash,
        fields.hash,
        fields.nonce,
        fields.preimage,
        tuple((currency, Posting(account, Decimal(amount))) for _, _, account, currency, amount in lines),
    )


def _moment(stamp: str) -> datetime:
    try:
        return datetime.fromisoformat(moment_of(stamp)).replace(tzinfo=UTC)
    except ValueError:  # a year that no block can have (BC, infinity): no time of any block equals it
        return datetime.min.replace(tzinfo=UTC)


async def _check_nodes(connection: Any, levels: Sequence[Level]) -> tuple[int, str] | None:
    """The first leaf under a stored node that is not what the leaves make it."""
    wanted = (
        [level.level for level in levels],
        [level.first for level in levels],
        [level.first + len(level.hashes) for level in levels],
    )
    stored = {row[0]: (row[1], row[2]) for row in await connection.fetch(_NODES_JOINED, *wanted)}
    wrong: list[tuple[int, int, int]] = []
    for level in levels:
        if stored.get(level.level) != (len(level.hashes), b"".join(level.hashes)):
            after = level.first + len(level.hashes)
            rows = {row[0]: row[1] for row in await connection.fetch(_NODES, level.level, level.first, after)}
            index = next(level.first + at for at, each in enumerate(level.hashes) if rows.get(level.first + at) != each)
            wrong.append((((index + 1) << level.level) - 1, level.level, index))
    if not wrong:
        return None
    leaf, of_level, index = min(wrong)
    return leaf, f"tree: node {of_level}/{index} differs from the blocks"
