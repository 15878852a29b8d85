"""A long chain: how fast it is verified, with how much memory, and whether reading stays flat as it grows."""

import asyncio
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
from benchmarks.ledger_parts.world import World, world

from chassis.database import Database
from chassis.ids import new_id
from ledger.adapters.chain import PostgresChain, Writer
from ledger.adapters.keys import development_key
from ledger.domain import drafts
from ledger.settings import DEVELOPMENT_ORIGIN
from ledger.signer import Signer

REQUESTS = 200


async def grow(made: World, height: int) -> None:
    """Appends blocks by the ledger's own writer until the chain has that height."""
    writer = Writer()
    database = made.service.worker.database
    shown = time.monotonic()
    while (size := await made.height()) < height:
        count = min(256, height - size)
        async with database.unit_of_work() as work:
            batch = [
                drafts.interview(
                    new_id(),
                    application_id=new_id(),
                    transcript_sha256="a" * 64,
                    messages=12,
                    model="model-1",
                    prompt_version="1",
                )
                for _ in range(count)
            ]
            await PostgresChain(work, writer).append(*batch)
        if time.monotonic() - shown > 5:
            shown = time.monotonic()
            sys.stderr.write(f"\r{size} blocks")
    await made.admin.execute("DELETE FROM outbox")
    await made.admin.execute("VACUUM ANALYZE")


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


def verify(made: World) -> tuple[float, float, float]:
    """`python -m ledger verify`: blocks a second, seconds, and the largest memory of its processes in MiB."""
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "IMPACTNET_LEDGER_DATABASE_URL": made.urls["ledger_api"],
        "IMPACTNET_LEDGER_WORKER_DATABASE_URL": made.urls["ledger_worker"],
        "IMPACTNET_LOG_LEVEL": "warning",
    }
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    begun = time.monotonic()
    done = subprocess.run([sys.executable, "-m", "ledger", "verify"], env=environment, capture_output=True, check=False)
    seconds = time.monotonic() - begun
    if done.returncode != 0:
        raise RuntimeError(done.stdout.decode() + done.stderr.decode()[-2000:])
    memory = max(before, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024
    return seconds, memory, begun


async def growth(folder: Path, heights: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Everything that is read, at each height of one growing chain."""
    found: dict[int, dict[str, Any]] = {}
    keys = [development_key(DEVELOPMENT_ORIGIN).verifier.vkey]
    async with world(folder, verifier_keys=keys) as made:
        for height in heights:
            await grow(made, height)
            await sign(made)
            seconds, memory, _ = await asyncio.to_thread(verify, made)
            found[height] = {
                "reads": await public_reads(made),
                "proof": await proofs(made),
                "verify": (height / seconds, seconds, memory),
            }
            print(f"{height} blocks: verified in {seconds:.1f} s, {memory:.0f} MiB", flush=True)
    return found
