"""A process that checks stretches of the chain: `python -m ledger.adapters.segment_process`, spoken to by its parent.

A line of JSON in is one stretch, a line out what was found. It ends when its parent does: its input ends then.
"""

import asyncio
import gc
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

import asyncpg
import orjson

from ledger.adapters.segments import SEGMENT_SETTINGS, check_segment
from ledger.adapters.snapshot_readers import READING_SETTINGS, connect_for_long, see
from ledger.domain.block_screening import Sort
from ledger.domain.merkle import Node
from ledger.use_cases.verification_ports import Seen, Segment


def encode_task(url: str, snapshot: str, start: int, end: int, events: Mapping[Sort, str]) -> bytes:
    told = [(*sort, event_type) for sort, event_type in events.items()]
    return orjson.dumps({"url": url, "snapshot": snapshot, "start": start, "end": end, "events": told}) + b"\n"


def decode_segment(line: bytes) -> Segment:
    """Raises RuntimeError with what went wrong in the process."""
    fields: dict[str, Any] = orjson.loads(line)
    if "error" in fields:
        raise RuntimeError(f"a verifying process failed: {fields['error']}")
    fields["subtrees"] = [Node(level, index, bytes.fromhex(digest)) for level, index, digest in fields["subtrees"]]
    fields["seen"] = Seen(Counter(fields["seen"]["kinds"]), is_booked=fields["seen"]["is_booked"])
    fields["broken"] = fields["broken"] and (fields["broken"][0], fields["broken"][1])
    return Segment(**fields)


def _encode_segment(segment: Segment) -> bytes:
    fields = {name: getattr(segment, name) for name in Segment.__slots__}
    fields["subtrees"] = [(node.level, node.index, node.hash.hex()) for node in segment.subtrees]
    # As it stands: of a Counter orjson takes none but plain dictionaries.
    fields["seen"] = {"kinds": dict(segment.seen.kinds), "is_booked": segment.seen.is_booked}
    return orjson.dumps(fields)


async def _answer(task: dict[str, Any], connection: asyncpg.Connection) -> bytes:
    transaction = connection.transaction(isolation="repeatable_read", readonly=True)
    await transaction.start()
    try:
        # The parent's view: what is appended meanwhile is not looked at.
        await see(connection, task["snapshot"])
        events = {(kind, outcome): event_type for kind, outcome, event_type in task["events"]}
        return _encode_segment(await check_segment(connection, task["start"], task["end"], events))
    finally:
        await transaction.rollback()


async def _serve() -> None:
    connection: asyncpg.Connection | None = None
    try:
        while line := await asyncio.to_thread(sys.stdin.buffer.readline):
            task = orjson.loads(line)
            try:
                if connection is None or connection.is_closed():
                    settings = READING_SETTINGS | SEGMENT_SETTINGS | {"application_name": "impactnet-ledger-verifier"}
                    connection = await connect_for_long(task["url"], settings)
                answer = await _answer(task, connection)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
                answer = orjson.dumps({"error": f"{type(error).__name__}: {error}"})
            sys.stdout.buffer.write(answer + b"\n")
            sys.stdout.buffer.flush()
    finally:
        if connection is not None:
            await connection.close()


if __name__ == "__main__":
    # Nothing here has cycles, and looking for them costs a quarter of the time.
    gc.disable()
    asyncio.run(_serve())
