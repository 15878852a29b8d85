"""A long chain: how fast it is verified, with how much memory, and whether reading stays flat as it grows."""

import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from benchmarks.ledger_parts.world import World, commitment, decision, event_of, world

from chassis.database import Database
from chassis.ids import new_id
from chassis.inserting import Rows
from chassis.understanding import Received
from contracts.applications import InterviewCompleted
from contracts.fact import Fact
from contracts.topics import topic_of
from ledger.adapters.chain import PostgresChain, Writer
from ledger.adapters.keys import development_key
from ledger.domain import drafts
from ledger.settings import DEVELOPMENT_ORIGIN
from ledger.signer import Signer

REQUESTS = 200
TOPIC = topic_of("applications")
BATCH = 256
# What a run of the chain is made of, batch by batch; None stands for interviews, which are written directly.
BATCHES: Sequence[Callable[[UUID], Fact] | None] = (commitment, decision, decision, *[None] * 7)


async def grow(made: World, height: int) -> None:
    """Appends by the ledger's own writer until the chain has that height: of ten blocks one moves money."""
    writer = Writer()
    shown = time.monotonic()
    batches = 0
    while (size := await made.height()) < height:
        count = min(BATCH, height - size)
        kind = BATCHES[batches % len(BATCHES)]
        batches += 1
        if kind is None:
            await _append_interviews(made, writer, count)
        else:
            await _deliver(made, kind, count)
        if time.monotonic() - shown > 5:
            shown = time.monotonic()
            sys.stderr.write(f"\r{size} blocks")
    await made.admin.execute("DELETE FROM outbox")
    await made.admin.execute("VACUUM ANALYZE")


async def _append_interviews(made: World, writer: Writer, count: int) -> None:
    """Straight to the chain, with what is remembered of their events: a tenth of what events cost."""
    event_ids = [new_id() for _ in range(count)]
    batch = [
        drafts.interview(
            event_id,
            application_id=new_id(),
            transcript_sha256="a" * 64,
            messages=12,
            model="model-1",
            prompt_version="1",
        )
        for event_id in event_ids
    ]
    async with made.service.worker.database.unit_of_work() as work:
        await PostgresChain(work, writer).append(*batch)
        booked = [(event_id, InterviewCompleted.TYPE, event_id.bytes * 2) for event_id in event_ids]
        await work.insert(Rows("booked_events", ("event_id", "event_type", "event_hash"), booked))


async def _deliver(made: World, make: Callable[[UUID], Fact], count: int) -> None:
    events = [event_of(make(made.program_id)) for _ in range(count)]
    await made.service.runner.handle_all([Received(event, (TOPIC, 0, at)) for at, event in enumerate(events)])


async def sign(made: World) -> None:
    """A checkpoint of what is there, by the signer's own role."""
    settings = made.service.worker.settings.model_copy(update={"signer_state_path": None})
    database = Database(made.urls["ledger_signer"], application_name="bench-signer")
    try:
        async with Signer(settings, database) as signer:
            await signer.sign_once()
    finally:
        await database.close()


async def public_reads(made: World) -> dict[str, tuple[float, float]]:
    """Median and p99 in milliseconds of each public read, in this process, without a network."""
    height = await made.height()
    rows = await made.admin.fetch(
        "SELECT hash FROM blocks WHERE block_index = ANY($1::bigint[])", [height * part // 50 for part in range(1, 50)]
    )
    hashes = [row["hash"] for row in rows]
    some = hashes[len(hashes) // 2]
    paths = {
        "chain page": f"/api/v1/blockchain/chain/?from_index={height // 2}",
        "block": f"/api/v1/blockchain/blocks/{height // 2}/",
        "verify": f"/api/v1/blockchain/verify/{some}/",
        "inclusion proof": "/api/v1/blockchain/proofs/inclusion/{hash}/",
        "consistency proof": f"/api/v1/blockchain/proofs/consistency/?from={height // 3}&to={height - 10}",
        "checkpoint": "/api/v1/blockchain/checkpoint/",
        "stats": "/api/v1/blockchain/stats/",
        "integrity": "/api/v1/blockchain/integrity/",
        "graph": f"/api/v1/blockchain/graph/?program_id={made.program_id}",
    }
    found: dict[str, tuple[float, float]] = {}
    async with made.service.client() as client:
        for name, path in paths.items():
            found[name] = await _time(client, path, hashes)
    return found


async def _time(client: httpx.AsyncClient, path: str, hashes: Sequence[str]) -> tuple[float, float]:
    taken = []
    for number in range(REQUESTS):
        url = path.replace("{hash}", hashes[number % len(hashes)])
        begun = time.perf_counter()
        answer = await client.get(url)
        taken.append((time.perf_counter() - begun) * 1000)
        answer.raise_for_status()
    taken.sort()
    return statistics.median(taken), taken[int(len(taken) * 0.99) - 1]


async def proofs(made: World, count: int = 2_000) -> tuple[float, float]:
    """Median and p99 in milliseconds to build an inclusion proof, its nodes read from the database."""
    from ledger.adapters.chain_reading import ChainReader  # noqa: PLC0415 -- only this measurement reads the tree itself
    from ledger.domain.proofs import plan_inclusion  # noqa: PLC0415 -- as above

    size = await made.height()
    taken = []
    async with made.service.api.database.reading() as connection:
        reader = ChainReader(connection)
        for number in range(count):
            index = (number * 7919 * 104729) % size
            begun = time.perf_counter()
            plan = plan_inclusion(index, size)
            nodes = await reader.nodes(plan.nodes)
            proof = plan.build(nodes)
            assert proof
            taken.append((time.perf_counter() - begun) * 1000)
    taken.sort()
    return statistics.median(taken), taken[int(len(taken) * 0.99) - 1]


def verify(made: World) -> tuple[float, float]:
    """`python -m ledger verify`, start included: seconds, and the most memory its processes had together in MiB."""
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "IMPACTNET_LEDGER_DATABASE_URL": made.urls["ledger_api"],
        "IMPACTNET_LEDGER_WORKER_DATABASE_URL": made.urls["ledger_worker"],
        "IMPACTNET_LOG_LEVEL": "warning",
    }
    command = [sys.executable, "-m", "ledger", "verify"]
    memory = 0.0
    begun = time.monotonic()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        while process.poll() is None:
            memory = max(memory, _memory_of(process.pid))
            time.sleep(0.05)
        seconds = time.monotonic() - begun
        if process.returncode != 0:
            said.seek(0)
            raise RuntimeError(said.read().decode()[-2000:])
    return seconds, memory


def _memory_of(pid: int) -> float:
    """MiB of a process and all it has started; what several share is counted once."""
    total = 0.0
    family = [pid]
    for each in family:
        folder = Path("/proc") / str(each)
        with contextlib.suppress(OSError, StopIteration):  # it may end while we look
            family += [int(child) for child in (folder / "task" / str(each) / "children").read_text().split()]
            lines = (folder / "smaps_rollup").read_text().splitlines()
            total += int(next(line for line in lines if line.startswith("Pss:")).split()[1]) / 1024
    return total


async def growth(folder: Path, heights: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Everything that is read, at each height of one growing chain."""
    found: dict[int, dict[str, Any]] = {}
    keys = [development_key(DEVELOPMENT_ORIGIN).verifier.vkey]
    async with world(folder, verifier_keys=keys) as made:
        for height in heights:
            await grow(made, height)
            await sign(made)
            seconds, memory = await asyncio.to_thread(verify, made)
            found[height] = {
                "reads": await public_reads(made),
                "proof": await proofs(made),
                "verify": (height / seconds, seconds, memory),
            }
            print(f"{height} blocks: verified in {seconds:.1f} s, {memory:.0f} MiB", flush=True)
    return found
