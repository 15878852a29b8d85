"""The inbox: which events a consumer has handled; in the same transaction as what they caused."""

from collections.abc import Collection
from operator import attrgetter
from typing import Final
from uuid import UUID

from sqlalchemy import Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

_CLAIM: Final = text(
    "INSERT INTO inbox (consumer, event_id) SELECT :consumer, event_id FROM unnest(:event_ids) AS event_id"
    " ON CONFLICT DO NOTHING RETURNING event_id"
).bindparams(bindparam("event_ids", type_=ARRAY(Uuid)))


async def claim_events(connection: AsyncConnection, consumer: str, event_ids: Collection[UUID]) -> set[UUID]:
    """Mark events as handled by this transaction; gives those that no other has marked before.

    A concurrent claim of one of them waits here until the other commits or rolls back. They are claimed in sorted
    order, so that two consumers with the same events cannot deadlock.
    """
    claimed = await connection.execute(
        _CLAIM, {"consumer": consumer, "event_ids": sorted(event_ids, key=attrgetter("int"))}
    )
    return set(claimed.scalars())
