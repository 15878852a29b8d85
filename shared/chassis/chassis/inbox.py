"""The inbox: which events a consumer has handled; in the same transaction as what they caused."""

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.tables import inbox


async def claim_event(connection: AsyncConnection, consumer: str, event_id: UUID) -> bool:
    """Mark an event as handled by this transaction; False when another has done it.

    A concurrent claim of the same event waits here until the other commits or rolls back.
    """
    statement = upsert(inbox).values(consumer=consumer, event_id=event_id).on_conflict_do_nothing()
    result = await connection.execute(statement)
    return result.rowcount == 1
