"""The command line: migrations that match the tables, keys, verification, the signer as a process."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

from chassis.ids import new_id
from contracts.programs import ProgramCreated
from ledger.domain.notes import SigningKey, VerifierKey
from ledger.settings import DEVELOPMENT_ORIGIN

# Starting Python with all its imports takes a second or two; a loaded machine takes its time.
START_SECONDS_MAX = 60


def environment(urls: Mapping[str, str], **more: str) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", ""),
        "IMPACTNET_LEDGER_DATABASE_URL": urls["ledger_api"],
        "IMPACTNET_LEDGER_WORKER_DATABASE_URL": urls["ledger_worker"],
        "IMPACTNET_LEDGER_MIGRATOR_DATABASE_URL": urls["ledger_migrator"],
        "IMPACTNET_LEDGER_SIGNER_DATABASE_URL": urls["ledger_signer"],
        **more,
    }


async def start(urls: Mapping[str, str], *arguments: str, **more: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ledger",
        *arguments,
        env=environment(urls, **more),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def run(urls: Mapping[str, str], *arguments: str, **more: str) -> tuple[int, str, str]:
    process = await start(urls, *arguments, **more)
    out, err = await asyncio.wait_for(process.communicate(), START_SECONDS_MAX)
    return process.returncode or 0, out.decode(), err.decode()


async def checkpoints_are(scenario: Any, count: int) -> None:
    while len(await scenario.fetch("SELECT * FROM checkpoints")) < count:  # noqa: ASYNC110 -- another process writes them
        await asyncio.sleep(0.1)


async def test_the_tables_in_code_are_those_that_migrations_make(urls):
    status, _, err = await run(urls, "migrate", "--check")
    assert status == 0, err


async def test_keys_are_made_and_rotated_and_the_old_ones_stay(urls):
    status, out, _ = await run(urls, "keys", "generate")
    lines = dict(line.split("=", 1) for line in out.splitlines())
    key = SigningKey.parse(lines["IMPACTNET_LEDGER_SIGNING_KEY"])
    assert (status, key.name) == (0, DEVELOPMENT_ORIGIN)
    published = lines["IMPACTNET_LEDGER_VERIFIER_KEYS"]
    assert VerifierKey.parse(published) == key.verifier
    _, out, _ = await run(urls, "keys", "rotate", IMPACTNET_LEDGER_VERIFIER_KEYS=published)
    rotated = out.splitlines()[1].split("=", 1)[1].split(",")
    assert len(rotated) == 2
    assert rotated[1] == published
    _, out, _ = await run(urls, "keys", "show", IMPACTNET_LEDGER_VERIFIER_KEYS=",".join(rotated))
    assert out.splitlines() == rotated


async def test_production_refuses_to_start_without_a_name_and_keys_of_its_own(urls):
    status, _, err = await run(urls, "settings", IMPACTNET_ENVIRONMENT="production")
    assert status == 2
    assert "VERIFIER_KEYS" in err
    assert "MASTER_KEY" in err


async def test_the_signer_runs_by_itself_and_stops_when_asked(scenario):
    process = await start(scenario.urls, "signer", IMPACTNET_LEDGER_SIGNER_INTERVAL_SECONDS="0.1")
    try:
        async with asyncio.timeout(START_SECONDS_MAX):
            await checkpoints_are(scenario, 1)
            await scenario.service.deliver(ProgramCreated(program_id=new_id(), currency="NGN"))
            await checkpoints_are(scenario, 2)
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.communicate(), START_SECONDS_MAX)
        assert process.returncode == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
