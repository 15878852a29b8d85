"""Checks a stretch of the chain on a plain driver connection: blocks, postings, and the tree over them."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ledger.adapters.block_columns import IS_TOLD
from ledger.adapters.block_rows import (
    Broken,
    Line,
    Reading,
    first_broken,
    link_of,
    read_block,
    read_lines,
    read_stretch,
)
from ledger.domain.block_screening import Link, Move, Sort, screen
from ledger.domain.merkle import HASH_BYTES
from ledger.domain.tree_walk import Level, levels_within, subtrees_of
from ledger.domain.verification import StoredBlock
from ledger.use_cases.verification_ports import Seen, Segment

# What a session asks for to check stretches, beside ISO dates and the time zone UTC.
SEGMENT_SETTINGS: Final = {
    # No function or operator that somebody put elsewhere, named as one of PostgreSQL's own, answers in its place.
    "search_path": "pg_catalog",
    # Rows come in the order of their index, and need not be sorted into it. All that is asked has one.
    "enable_bitmapscan": "off",
    "enable_seqscan": "off",
}

# Blocks whose bytes come as one value, which still fits into a processor's own memory: a row for each block would cost
# more than looking at it. Whether the columns are what the bytes say is asked of the database; all that is signed is
# computed here, from the bytes.
PART_BLOCKS: Final = 512
_BLOCKS: Final = f"""
    SELECT parts.* FROM generate_series($1::bigint, $2::bigint - 1, {PART_BLOCKS}) AS first CROSS JOIN LATERAL (
        SELECT first, count(*), string_agg(preimage, '\\x00'::bytea), string_agg(hash, ' '),
            array_agg(block_index) FILTER (WHERE is_told IS NOT TRUE)
        FROM (SELECT block_index, preimage, hash, {IS_TOLD} AS is_told
            FROM ledger.blocks WHERE block_index >= first AND block_index < least(first + {PART_BLOCKS}, $2)
            ORDER BY block_index) AS part) AS parts
    ORDER BY first"""  # noqa: S608 -- made of constants
# As many lines as there are rows: then none of them is in two, and none is two.
_POSTINGS: Final = """
    SELECT count(*), string_agg(concat(block_index, ' ', line, ' ', account, ' ', currency, ' ', amount), E'\\n')
    FROM (SELECT block_index, line, account, currency, amount
        FROM ledger.postings WHERE block_index >= $1 AND block_index < $2 ORDER BY block_index, line) AS stretch"""
_KINDS: Final = """
    SELECT transaction_type, count(*) FROM ledger.blocks WHERE block_index = ANY ($1::bigint[]) GROUP BY 1"""
# In one walk through the index, for ids that are as old as each other lie beside each other in it (RFC 9562, 5.7).
_BOOKED: Final = """
    SELECT count(DISTINCT event_id) FROM ledger.booked_events
    WHERE event_id = ANY (string_to_array($1, ' ')::uuid[]) AND event_type = $2"""
# Of each level the spans that hold nodes of the stretch, from the one that holds its first.
_SPANS: Final = """
    SELECT of_level, first, hashes
    FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS wanted(of_level, start, after)
    CROSS JOIN LATERAL (
        SELECT first, hashes FROM ledger.tree_spans WHERE level = of_level AND first < after AND first >= coalesce(
            (SELECT max(first) FROM ledger.tree_spans WHERE level = of_level AND first <= start), 0)) AS spans
    ORDER BY of_level, first"""


async def check_segment(connection: Any, start: int, end: int, events: Mapping[Sort, str]) -> Segment:
    """`connection` is asyncpg's, in a transaction that sees one snapshot, with the settings above.

    `events` are the types of events from which blocks are made.
    """
    before = await read_block(connection, start - 1) if start else None
    reading = await look_quickly(connection, start, end, before, events)
    reading = reading or await read_stretch(connection, start, end, before)
    broken = reading.broken
    levels = levels_within(start, reading.leaves if broken is None else reading.leaves[: broken[0] - start])
    broken = await _check_nodes(connection, levels) or broken
    subtrees = [] if broken else subtrees_of(levels, start, end)
    last = reading.last
    seen = Seen(reading.kinds, is_booked=reading.is_booked)
    return Segment(start, end, subtrees, last.hash, last.moment, last.nonce, seen, broken)


async def look_quickly(
    connection: Any, start: int, end: int, before: StoredBlock | None, events: Mapping[Sort, str]
) -> Reading | None:
    """The quick look, and the exact one at what it does not pass; None when these are not the blocks of the stretch."""
    leaves: list[bytes] = []
    moves: list[Move] = []
    suspects: set[int] = set() if before else {start}
    strangers: list[int] = []
    ids: dict[Sort, list[bytes]] = defaultdict(list)
    link: Link | None = link_of(before)
    for first, count, joined, hashes, untold in await connection.fetch(_BLOCKS, start, end):
        if count != min(PART_BLOCKS, end - first):
            return None
        seen = screen(joined, hashes, count, first, link or link_of(await read_block(connection, first - 1)))
        if seen is None:
            return None
        leaves += seen.leaves
        moves += seen.moves
        suspects |= seen.suspects.union(untold or ())
        strangers += seen.strangers
        for sort, found in seen.ids.items():
            ids[sort] += found
        link = seen.last
    # Where a suspect stands in time is not known here: what follows it is looked at with it.
    suspects |= {index + 1 for index in suspects if index + 1 < end}
    broken: Broken | None = None
    is_posted = await _is_posted(connection, start, end, moves)
    if suspects or not is_posted:
        lines = await read_lines(connection, start, end)
        suspects |= set() if is_posted else _wrongly_posted(lines, moves)
        broken = await first_broken(connection, suspects, lines)
    last = link or link_of(await read_block(connection, end - 1))
    kinds = Counter(dict(await connection.fetch(_KINDS, strangers)) if strangers else {})
    for (kind, _), found in ids.items():
        kinds[kind] += len(found)
    return Reading(leaves, broken, last, kinds, await _is_booked(connection, kinds, ids, events))


async def _is_booked(
    connection: Any, kinds: Mapping[str, int], ids: Mapping[Sort, Sequence[bytes]], events: Mapping[Sort, str]
) -> bool:
    """That the event of every block that is made from one is remembered under its type."""
    asked = 0
    for sort, event_type in events.items():
        found = ids.get(sort, ())
        if found and await connection.fetchval(_BOOKED, b" ".join(found).decode(), event_type) != len(found):
            return False
        asked += len(found)
    # Those of a form that is not known, and those whose id is that of no event, are asked for elsewhere.
    return asked == sum(kinds.get(kind, 0) for kind in {kind for kind, _ in events})


async def _is_posted(connection: Any, start: int, end: int, moves: Sequence[Move]) -> bool:
    """That the postings are those of the blocks that moved money, and no others."""
    count, stored = await connection.fetchrow(_POSTINGS, start, end)
    expected = "\n".join(
        f"{index} 0 {source} NGN -{amount}\n{index} 1 {target} NGN {amount}" for index, amount, source, target in moves
    )
    return bool(count == 2 * len(moves) and (stored or "") == expected)


def _wrongly_posted(lines: Mapping[int, list[Line]], moves: Sequence[Move]) -> set[int]:
    wanted = {
        int(index): [(int(index), 0, source, "NGN", f"-{amount}"), (int(index), 1, target, "NGN", amount)]
        for index, amount, source, target in moves
    }
    return {index for index in lines.keys() | wanted.keys() if lines.get(index) != wanted.get(index)}


async def _check_nodes(connection: Any, levels: Sequence[Level]) -> Broken | None:
    """The first leaf under a stored node that is not what the leaves make it."""
    wanted = (
        [level.level for level in levels],
        [level.first for level in levels],
        [level.first + len(level.hashes) for level in levels],
    )
    spans: dict[int, list[tuple[int, bytes]]] = defaultdict(list)
    for of_level, first, hashes in await connection.fetch(_SPANS, *wanted):
        spans[of_level].append((first, hashes))
    wrong = [
        (((index + 1) << level.level) - 1, level.level, index)
        for level in levels
        if (index := _first_other(level, spans[level.level])) is not None
    ]
    if not wrong:
        return None
    leaf, of_level, index = min(wrong)
    return leaf, f"tree: node {of_level}/{index} differs from the blocks"


def _first_other(level: Level, spans: Sequence[tuple[int, bytes]]) -> int | None:
    """The first node of a level that is not stored as it should be: another, missing, or in two spans."""
    reached, after = level.first, level.first + len(level.hashes)
    expected = memoryview(b"".join(level.hashes))
    for position, (first, hashes) in enumerate(spans):
        if first > reached or (position and first < reached):
            return max(level.first, min(first, reached))  # a gap, or a span that lies over the one before it
        wanted = expected[(reached - level.first) * HASH_BYTES :]
        stored = memoryview(hashes)[(reached - first) * HASH_BYTES :][: len(wanted)]
        if stored != wanted[: len(stored)]:
            places = range(0, len(stored), HASH_BYTES)
            differs = (at for at in places if stored[at:][:HASH_BYTES] != wanted[at:][:HASH_BYTES])
            return reached + next(differs) // HASH_BYTES
        whole, odd = divmod(len(hashes), HASH_BYTES)
        reached = first + whole
        if odd:
            return min(max(level.first, reached), after - 1)
    return max(level.first, reached) if reached < after else None
