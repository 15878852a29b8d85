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
from ledger.domain.block_screening import BlockRow, Link, Screening, moment_of, screen
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
    broken = _check_rows(rows, before, screening, lines)
    if broken is None and missing is not None:
        broken = (missing, "missing: no such block")
    sound = screening.leaves if broken is None else screening.leaves[: broken[0] - start]
    levels = levels_within(start, sound)
    wrong_node = await _check_nodes(connection, levels)
    if wrong_node is not None:
        broken = wrong_node
    subtrees = [] if broken else subtrees_of(levels, start, end)
    last = screening.last
    return Segment(start, end, subtrees, last.hash, last.moment, last.nonce, broken)


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
) -> tuple[int, str] | None:
    """The first block that is broken."""
    expected: list[_Line] = []
    for index, (currency, amount, source, target) in screening.moves:
        expected += [(index, 0, source, currency, f"-{amount}"), (index, 1, target, currency, amount)]
    if not screening.suspects and lines == expected:
        return None
    stored, wanted = _by_block(lines), _by_block(expected)
    doubtful = {index - rows[0][0] for index in stored.keys() | wanted.keys() if stored.get(index) != wanted.get(index)}
    for position in sorted(doubtful | set(screening.suspects)):
        own = stored.get(rows[position][0], [])
        block = _stored(rows[position], own)
        failed = first_failure(check_block(block, _stored(rows[position - 1], []) if position else before))
        if failed is not None:
            return block.block_index, f"{failed.name}: {failed.detail}"
        if [line[1] for line in own] != list(range(len(own))):
            return block.block_index, "postings: the lines are not numbered as in the bytes"
    return None


def _by_block(lines: Sequence[_Line]) -> dict[int, list[_Line]]:
    by_block: dict[int, list[_Line]] = defaultdict(list)
    for line in lines:
        by_block[line[0]].append(line)
    return by_block


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
