"""`python -m ledger dump` writes what the public export says, and tells when it cannot."""

import asyncio
import os
import sys
from collections.abc import Mapping

# Starting Python with all its imports takes a second or two; a loaded machine takes its time.
START_SECONDS_MAX = 60


async def dump(urls: Mapping[str, str], *arguments: str) -> tuple[int, bytes, str]:
    environment = {"PATH": os.environ.get("PATH", ""), "IMPACTNET_LEDGER_DATABASE_URL": urls["ledger_api"]}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "ledger", "dump", *arguments),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), START_SECONDS_MAX)
    return process.returncode or 0, out, err.decode()


async def test_the_dump_is_the_export_byte_by_byte(scenario):
    for _ in range(3):
        await scenario.donate("1.00")
    async with scenario.service.client() as anyone:
        for height in (2, 5):
            export = await anyone.get("/api/v1/blockchain/export.preimages.jsonl", params={"height": height})
            assert await dump(scenario.urls, "--height", str(height)) == (0, export.content, "")
    assert (await dump(scenario.urls))[1] == export.content


async def test_a_height_beyond_the_tip_a_gap_and_an_absent_database_are_told_apart(scenario):
    status, out, err = await dump(scenario.urls, "--height", "99")
    assert (status, out, err) == (2, b"", "the chain has 2 blocks\n")
    scenario.is_sound = False
    await scenario.fetch("ALTER TABLE blocks DISABLE TRIGGER ALL")
    await scenario.fetch("DELETE FROM blocks WHERE block_index = 1")
    status, _, err = await dump(scenario.urls, "--height", "2")
    assert (status, "not complete" in err) == (1, True)
    away = {"ledger_api": "postgresql+asyncpg://nobody@127.0.0.1:1/nothing"}
    status, out, err = await dump(away)
    assert (status, out, "cannot be reached" in err) == (2, b"", True), err
