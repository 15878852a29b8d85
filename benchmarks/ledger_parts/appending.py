"""Events to durable blocks: by the worker from Kafka, one by one, and the rivals in the same run."""

import asyncio
import hashlib
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from aiokafka import AIOKafkaProducer
from benchmarks.ledger_parts.world import World, event_of, worker_process, world

from chassis.broker import ensure_topics
from chassis.ids import new_id
from contracts.fact import Fact
from contracts.topics import topic_of
from local_stack.kafka import KafkaBroker

TOPIC = topic_of("applications")
ONE_BY_ONE = 1_500
# The worker's first second holds its start and the group's first meeting: it is not counted.
WARM_UP_BLOCKS = 2_000


async def _produce(bootstrap: str, make: Callable[[UUID], Fact], program_id: UUID, count: int) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=20, max_batch_size=256 * 1024)
    await producer.start()
    try:
        pending = []
        for _ in range(count):
            fact = make(program_id)
            pending.append(await producer.send(TOPIC, event_of(fact), key=fact.subject().encode()))
            if len(pending) >= 5_000:
                await asyncio.gather(*pending)
                pending.clear()
        await asyncio.gather(*pending)
    finally:
        await producer.stop()


async def from_kafka(folder: Path, make: Callable[[UUID], Fact], count: int) -> tuple[float, float]:
    """Blocks a second over the whole run after the warm-up, and how many seconds that was."""
    async with KafkaBroker(folder / "kafka") as broker, world(folder / "postgres") as made:
        settings = made.service.worker.settings.model_copy(update={"kafka_bootstrap": broker.bootstrap})
        await ensure_topics(settings, [topic_of(name) for name in ("identity", "programs", "applications", "ledger")])
        await _produce(broker.bootstrap, make, made.program_id, count)
        start_height = await made.height()
        target = start_height + count
        begun: float | None = None
        counted_from = 0
        with worker_process(made, broker.bootstrap) as process:
            while (height := await made.height()) < target:
                if process.poll() is not None:
                    raise RuntimeError("the worker ended")
                if begun is None and height - start_height >= WARM_UP_BLOCKS:
                    begun, counted_from = time.monotonic(), height
                await asyncio.sleep(0.05)
            seconds = time.monotonic() - (begun or 0)
        waiting = await made.admin.fetchval("SELECT count(*) FROM parked_events")
        if waiting:
            raise RuntimeError(f"{waiting} events wait")
    return (target - counted_from) / seconds, seconds


async def one_by_one(folder: Path, make: Callable[[UUID], Fact]) -> float:
    """Each event in a transaction of its own, one after the other: what a quiet day looks like."""
    async with world(folder) as made:
        payloads = [event_of(make(made.program_id)) for _ in range(ONE_BY_ONE)]
        begun = time.monotonic()
        for offset, payload in enumerate(payloads):
            await made.service.runner.handle(payload, (TOPIC, 0, offset))
        return ONE_BY_ONE / (time.monotonic() - begun)


async def sketch(made: World) -> float:
    """The first sketch's way: read the last block, hash sorted JSON, one save and one commit per block."""
    connection = made.admin
    await connection.execute("CREATE SCHEMA sketch")
    await connection.execute(
        "CREATE TABLE sketch.blocks (id bigserial PRIMARY KEY, block_index bigint UNIQUE, timestamp timestamptz,"
        " transaction_type varchar(20), transaction_id varchar(100) UNIQUE, data jsonb, previous_hash varchar(64),"
        " hash varchar(64), nonce bigint);"
        "CREATE INDEX ON sketch.blocks (hash); CREATE INDEX ON sketch.blocks (timestamp DESC)"
    )
    begun = time.monotonic()
    for _ in range(ONE_BY_ONE):
        async with connection.transaction():
            last = await connection.fetchrow(
                "SELECT block_index, hash FROM sketch.blocks ORDER BY block_index DESC LIMIT 1 FOR UPDATE"
            )
            index, previous = (last["block_index"] + 1, last["hash"]) if last else (0, "0" * 64)
            moment = await connection.fetchval("SELECT clock_timestamp()")
            data = {"award_id": str(new_id()), "amount": "100.00", "currency": "NGN"}
            hashed = {"index": index, "timestamp": str(moment), "data": data, "previous_hash": previous, "nonce": 0}
            digest = hashlib.sha256(json.dumps(hashed, sort_keys=True).encode()).hexdigest()
            await connection.execute(
                "INSERT INTO sketch.blocks (block_index, timestamp, transaction_type, transaction_id, data,"
                " previous_hash, hash, nonce) VALUES ($1, $2, 'commitment', $3, $4, $5, $6, 0)",
                *(index, moment, str(new_id()), json.dumps(data), previous, digest),
            )
    return ONE_BY_ONE / (time.monotonic() - begun)


async def pgledger(made: World) -> float | None:
    """The functions of pgledger, one transfer a commit; None where its SQL is not at hand (PGLEDGER_SQL)."""
    path = os.environ.get("PGLEDGER_SQL")
    if not path:
        return None
    admin = made.admin
    await admin.execute("CREATE SCHEMA pgledger; SET search_path = pgledger, public")
    try:
        await admin.execute(await asyncio.to_thread(Path(path).read_text, encoding="utf-8"))
        source = await admin.fetchval("SELECT id FROM pgledger_create_account('available', 'NGN')")
        target = await admin.fetchval("SELECT id FROM pgledger_create_account('committed', 'NGN')")
        begun = time.monotonic()
        for _ in range(ONE_BY_ONE):
            await admin.fetch("SELECT * FROM pgledger_create_transfer($1, $2, 100.00)", source, target)
        return ONE_BY_ONE / (time.monotonic() - begun)
    finally:
        await admin.execute("SET search_path = ledger")


async def rivals(folder: Path) -> dict[str, float]:
    """Blocks, or transfers, a second of each rival on the same kind of server."""
    async with world(folder) as made:
        found = {"sketch, one save per block": await sketch(made)}
        transfers = await pgledger(made)
        if transfers is not None:
            found["pgledger, one transfer a commit"] = transfers
        return found


def middle(values: list[float]) -> float:
    return statistics.median(values)
