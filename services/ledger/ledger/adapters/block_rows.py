"""Blocks of a stretch one by one, for what the quick look did not pass: row, neighbour and postings, exactly."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

import orjson

from ledger.domain.accounts import Posting
from ledger.domain.block import NO_PREVIOUS_HASH
from ledger.domain.block_screening import Link
from ledger.domain.merkle import leaf_hash
from ledger.domain.verification import StoredBlock, check_block, first_failure

# Times as text: PostgreSQL has some that Python has not.
_COLUMNS: Final = (
    "block_index, timestamp::text, transaction_type, transaction_id, data::text, previous_hash, hash, nonce, preimage"
)
_STRETCH: Final = f"""
    SELECT {_COLUMNS} FROM ledger.blocks WHERE block_index >= $1 AND block_index < $2 ORDER BY block_index"""  # noqa: S608 -- made of constants
_SOME: Final = f"SELECT {_COLUMNS} FROM ledger.blocks WHERE block_index = ANY ($1::bigint[]) ORDER BY block_index"  # noqa: S608 -- made of constants
_LINES: Final = """
    SELECT block_index, line, account, currency, amount::text
    FROM ledger.postings WHERE block_index >= $1 AND block_index < $2 ORDER BY block_index, line"""

Broken = tuple[int, str]
Line = tuple[int, int, str, str, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a stretch is: hashes of its leaves, its first broken block, and what the next block has to continue.

    Of blocks that are all sound also `kinds`, how many there are of each kind, and `is_booked`: whether the events that
    they were made from were seen to be remembered.
    """

    leaves: list[bytes]
    broken: Broken | None
    last: Link
    kinds: Counter[str]
    is_booked: bool


async def read_block(connection: Any, index: int) -> StoredBlock | None:
    """Without its postings."""
    rows = await connection.fetch(_SOME, [index])
    return _stored(rows[0], ()) if rows else None


async def read_lines(connection: Any, start: int, end: int) -> Mapping[int, list[Line]]:
    """The postings of blocks start..end-1, by block."""
    by_block: dict[int, list[Line]] = defaultdict(list)
    for row in await connection.fetch(_LINES, start, end):
        by_block[row[0]].append(tuple(row))
    return by_block


async def first_broken(connection: Any, indexes: Iterable[int], lines: Mapping[int, Sequence[Line]]) -> Broken | None:
    """The first of these blocks that is broken; `lines` are the postings of all of them."""
    wanted = sorted(indexes)
    rows = await connection.fetch(_SOME, sorted({*wanted, *(index - 1 for index in wanted)}))
    by_index = {row[0]: row for row in rows}
    for index in wanted:
        previous = by_index.get(index - 1)
        failure = _failure(by_index[index], None if previous is None else _stored(previous, ()), lines.get(index, ()))
        if failure is not None:
            return index, failure
    return None


async def read_stretch(connection: Any, start: int, end: int, before: StoredBlock | None) -> Reading:
    """Every block of start..end-1, exactly: for a stretch of which even the number of blocks is wrong."""
    rows = await connection.fetch(_STRETCH, start, end)
    missing = next((start + at for at, row in enumerate(rows) if row[0] != start + at), None)
    if missing is None and len(rows) < end - start:
        missing = start + len(rows)
    rows = rows[: (end if missing is None else missing) - start]
    lines = await read_lines(connection, start, end)
    broken: Broken | None = None if missing is None else (missing, "missing: no such block")
    previous = before
    for row in rows:
        failure = _failure(row, previous, lines.get(row[0], ()))
        if failure is not None:
            broken = row[0], failure
            break
        previous = _stored(row, ())
    kinds = Counter(row[2] for row in rows)
    return Reading([leaf_hash(row[8]) for row in rows], broken, link_of(previous), kinds, is_booked=False)


def link_of(block: StoredBlock | None) -> Link:
    """What follows it has to continue. Its hash is computed from its bytes, as check_block does."""
    if block is None:
        return Link(NO_PREVIOUS_HASH, "", 0)
    moment = block.timestamp.replace(tzinfo=None).isoformat(timespec="microseconds")
    return Link(sha256(block.preimage).hexdigest(), moment, block.nonce)


def _failure(row: Any, previous: StoredBlock | None, lines: Sequence[Line]) -> str | None:
    failed = first_failure(check_block(_stored(row, lines), previous))
    if failed is not None:
        return f"{failed.name}: {failed.detail}"
    if [line[1] for line in lines] != list(range(len(lines))):
        return "postings: the lines are not numbered as in the bytes"
    return None


def _stored(row: Any, lines: Sequence[Line]) -> StoredBlock:
    index, stamp, kind, identity, data, previous_hash, own_hash, nonce, preimage = row
    return StoredBlock(
        index,
        _moment(stamp),
        kind,
        identity,
        orjson.loads(data),
        previous_hash,
        own_hash,
        nonce,
        preimage,
        tuple((currency, Posting(account, Decimal(amount))) for _, _, account, currency, amount in lines),
    )


def _moment(stamp: str) -> datetime:
    """`2026-01-01 00:00:00.5+00`, as PostgreSQL writes it."""
    whole, _, fraction = stamp.removesuffix("+00").partition(".")
    try:
        return datetime.fromisoformat(f"{whole}.{fraction.ljust(6, '0')}").replace(tzinfo=UTC)
    except ValueError:  # a year that no block can have (BC, infinity): no time of any block equals it
        return datetime.min.replace(tzinfo=UTC)
