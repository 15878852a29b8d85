"""How far this database has read: kept in the same commit as the effects, so that a restored backup reads again."""

from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy import BigInteger, Integer, String, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.inbox import TopicAndPartition
from chassis.tables import consumer_offsets

_REMEMBER: Final = text(
    "INSERT INTO consumer_offsets (consumer, topic, partition, next_offset)"
    " SELECT :consumer, topic, partition, next_offset"
    " FROM unnest(:topics, :partitions, :offsets) AS read(topic, partition, next_offset)"
    " ON CONFLICT (consumer, topic, partition) DO UPDATE SET next_offset = excluded.next_offset"
).bindparams(
    bindparam("topics", type_=ARRAY(String)),
    bindparam("partitions", type_=ARRAY(Integer)),
    bindparam("offsets", type_=ARRAY(BigInteger)),
)


async def remember_offsets(
    connection: AsyncConnection, consumer: str, following: Mapping[TopicAndPartition, int]
) -> None:
    """Note the next offset to read of each partition, with what was read before it."""
    ordered = sorted(following.items())
    values = {
        "consumer": consumer,
        "topics": [topic for (topic, _), _ in ordered],
        "partitions": [partition for (_, partition), _ in ordered],
        "offsets": [offset for _, offset in ordered],
    }
    await connection.execute(_REMEMBER, values)


async def remembered_offsets(
    connection: AsyncConnection, consumer: str, topics: Collection[str]
) -> dict[TopicAndPartition, int]:
    """What `remember_offsets` has noted."""
    statement = select(consumer_offsets).where(
        consumer_offsets.c.consumer == consumer, consumer_offsets.c.topic.in_(topics)
    )
    rows = (await connection.execute(statement)).all()
    return {(row.topic, row.partition): row.next_offset for row in rows}
