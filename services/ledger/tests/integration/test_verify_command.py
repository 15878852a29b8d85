"""`python -m ledger verify`: 0 for sound, 1 for broken and what it is, 2 for could not look; progress for people."""

import re
from typing import Any

import pytest
from services.ledger.tests.processes import run_in_shell, run_ledger

from chassis.ids import new_id
from contracts.programs import ProgramCreated

BROKEN = "BROKEN at block 3: columns: the column transaction_id differs from the bytes\n"


async def grow(scenario: Any, blocks: int) -> None:
    for _ in range(blocks):
        await scenario.service.deliver(ProgramCreated(program_id=new_id(), currency="NGN"))


async def break_block(scenario: Any, index: int) -> None:
    await scenario.fetch("ALTER TABLE blocks DISABLE TRIGGER refuse_change")
    await scenario.fetch("UPDATE blocks SET transaction_id = 'other' WHERE block_index = $1", index)
    scenario.is_sound = False


async def test_it_says_ok_or_names_the_first_broken_block(scenario, tmp_path):
    await grow(scenario, 3)
    outside = tmp_path / "checkpoint"
    outside.write_text(await scenario.sign())
    status, out, err = await run_ledger(scenario.urls, "verify", "--checkpoint", str(outside))
    assert (status, out) == (0, "ok: blocks 0 to 4\n")
    assert re.search(r"5 of 5 blocks, [\d,]+ a second, 0 s left", err)
    await break_block(scenario, 3)
    status, out, err = await run_ledger(scenario.urls, "verify")
    assert (status, out) == (1, BROKEN)
    assert "ledger_broken" in err
    for stretch, expected in ((("4", "4"), 0), (("2", "3"), 1)):
        status, out, _ = await run_ledger(scenario.urls, "verify", "--from", stretch[0], "--to", stretch[1])
        assert (status, out) == (expected, BROKEN if expected else f"ok: blocks {stretch[0]} to {stretch[1]}\n")
    rows = await scenario.fetch("SELECT verified_by, ok FROM block_verifications WHERE NOT ok")
    assert [tuple(row) for row in rows] == [("command line", False)] * 2


async def test_everything_that_does_not_fit_is_named_line_by_line(scenario):
    donation = await scenario.donate("10.00")
    await scenario.take_guards_down()
    await scenario.fetch("UPDATE lots SET taken = 4")
    await scenario.fetch("UPDATE head SET epoch = 0")
    scenario.is_sound = False
    status, out, _ = await run_ledger(scenario.urls, "verify")
    assert status == 1
    assert out.splitlines() == [
        "BROKEN at block 2: head: it does not fit the last block",
        f"BROKEN at block 2: lots {donation['id']}: 4.00 of it is taken, awards and refunds say 0",
    ]


async def test_a_checkpoint_from_outside_tells_that_the_tail_is_gone(scenario, tmp_path):
    await grow(scenario, 1)
    outside = tmp_path / "checkpoint"
    outside.write_text((await scenario.sign()).replace("\n3\n", "\n4\n"))
    status, out, _ = await run_ledger(scenario.urls, "verify", "--checkpoint", str(outside))
    assert (status, out) == (1, "BROKEN: outside checkpoint: invalid signature by localhost/impactnet-ledger\n")
    outside.write_bytes(b"\xff\xfe")
    status, out, err = await run_ledger(scenario.urls, "verify", "--checkpoint", str(outside))
    assert (status, out) == (2, "")
    assert "not a checkpoint" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "7"), "no such blocks: the chain has 2"),
        (("--from", "1", "--to", "0"), "no such blocks"),
        (("--from", "-1"), "--from"),
        (("--checkpoint", "/no/such/file"), "--checkpoint"),
    ],
)
async def test_what_cannot_be_looked_at_is_neither_sound_nor_broken(scenario, arguments, said):
    status, out, err = await run_ledger(scenario.urls, "verify", *arguments)
    assert (status, out) == (2, "")
    assert said in err


async def test_a_database_that_is_away_is_not_a_broken_chain(urls):
    away = urls["ledger_worker"].rpartition("@")[0] + "@127.0.0.1:9/none"
    status, out, err = await run_ledger({**urls, "ledger_worker": away}, "verify")
    assert (status, out) == (2, "")
    assert "the database cannot be reached" in err


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("IMPACTNET_LEDGER_VERIFIER_KEYS", "not a key", "BadKeyError"),
        ("IMPACTNET_LEDGER_VERIFIED_STATE_PATH", "state", "holds something else"),
    ],
)
async def test_settings_that_nothing_can_be_judged_by_are_no_broken_chain(scenario, tmp_path, name, content, said):
    state = tmp_path / "state"
    state.write_text("not a state")
    status, out, err = await run_ledger(scenario.urls, "verify", **{name: content.replace("state", str(state))})
    assert (status, out) == (2, "")
    assert said in err


@pytest.mark.parametrize(
    ("redirection", "sound", "broken"),
    [(">/dev/full", 2, 2), (">&-", 2, 2), ("2>/dev/full", 0, 1), ("2>&-", 0, 1)],
)
async def test_a_verdict_that_cannot_be_told_is_none(scenario, redirection, sound, broken):
    """The exit status is a verdict too: 1 is kept for what is broken."""
    await grow(scenario, 2)
    assert await run_in_shell(scenario.urls, f'exec "$PYTHON" -m ledger verify {redirection}') == sound
    await break_block(scenario, 3)
    assert await run_in_shell(scenario.urls, f'exec "$PYTHON" -m ledger verify {redirection}') == broken


async def test_production_without_the_key_says_that_it_does_not_look_at_what_was_sealed(scenario):
    await scenario.service.tick("verify_growth")
    settings = {
        "IMPACTNET_ENVIRONMENT": "production",
        "IMPACTNET_PROCESS": "command",
        "IMPACTNET_LEDGER_ORIGIN": "localhost/impactnet-ledger-of-ours",
    }
    status, out, err = await run_ledger(scenario.urls, "verify", **settings)
    assert (status, out) == (0, "ok: blocks 0 to 1\n")
    assert "IMPACTNET_LEDGER_VERIFICATION_KEY" in err


async def test_an_api_which_has_no_key_does_not_call_broken_what_the_worker_sealed(scenario):
    await scenario.service.tick("verify_growth")
    # As a key of the worker's own would seal it.
    await scenario.fetch("ALTER TABLE verified_states DISABLE TRIGGER refuse_change")
    await scenario.fetch("UPDATE verified_states SET mac = decode(repeat('ab', 32), 'hex')")
    scenario.is_sound = False
    status, out, err = await run_ledger(scenario.urls, "verify", IMPACTNET_PROCESS="api")
    assert (status, out) == (0, "ok: blocks 0 to 1\n")
    assert "IMPACTNET_LEDGER_VERIFICATION_KEY" in err
    status, out, _ = await run_ledger(scenario.urls, "verify", IMPACTNET_PROCESS="worker")
    assert status == 1
    assert "no known key has sealed it" in out


async def test_a_process_without_the_workers_database_could_not_look(urls):
    status, out, err = await run_ledger({**urls, "ledger_worker": ""}, "verify")
    assert (status, out) == (2, "")
    assert "IMPACTNET_LEDGER_WORKER_DATABASE_URL" in err
