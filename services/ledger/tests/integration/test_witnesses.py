"""The signer and its witnesses: real processes, real HTTP, and servers that lie, dawdle or are not there."""

import asyncio
import time

import asyncpg
import pytest
from prometheus_client import REGISTRY
from services.ledger.tests.signing import (
    INTERVAL_SECONDS,
    KEY,
    KEY_CHECKPOINT,
    LOGS,
    Lies,
    cosigners,
    counted,
    grow,
    is_down,
    served,
    sign,
    signing,
    write_policy,
)
from services.ledger.tests.witnesses import Asked, http_server, running_witnesses

from contracts.ledger import CheckpointPublished
from ledger.adapters.witness_http import HttpWitnessClient
from ledger.domain import tlog_proof
from ledger.domain.checkpoints import open_checkpoint
from ledger.domain.cosignatures import WitnessSigningKey
from ledger.domain.notes import parse
from ledger.domain.witness_policy import Witness
from ledger.domain.witnessing import AddCheckpoint, parse_request
from ledger.settings import DEVELOPMENT_ORIGIN


async def test_everything_that_is_published_carries_the_cosigned_checkpoint(scenario, tmp_path):
    donation = await scenario.donate("10.00")
    await grow(scenario, 2)
    async with running_witnesses(tmp_path, LOGS, "w1") as [witness]:
        note = await sign(scenario, write_policy(tmp_path, witness.policy_line, "w1"))
    assert note is not None
    assert cosigners(note) == ["w1"]
    checkpoint = open_checkpoint(note, [KEY.verifier, witness.key.verifier], DEVELOPMENT_ORIGIN)
    assert checkpoint.size == 5
    async with scenario.service.client(scenario.admin, "admin") as anyone:
        assert (await anyone.get("/api/v1/blockchain/checkpoint/")).text == note
        assert (await anyone.get("/api/v1/blockchain/tiles/checkpoint")).text == note
        path = f"/api/v1/blockchain/proofs/inclusion/{donation['blockchain_hash']}/"
        assert (await anyone.get(path)).json()["checkpoint"] == note
        proof = await anyone.get(path, params={"format": "tlog-proof"})
        assert tlog_proof.parse(proof.text).checkpoint == note
        verdict = (await anyone.get(f"/api/v1/blockchain/verify/{donation['blockchain_hash']}/")).json()
        assert (verdict["valid"], verdict["checks"][-1]["ok"]) == (True, True)
    [published] = await scenario.service.announced(CheckpointPublished)
    assert (published.note, published.size, published.root) == (note, 5, checkpoint.root.hex())
    [row] = await scenario.fetch("SELECT * FROM checkpoint_cosignatures", role="api")
    assert (row["size"], row["witness"], row["line"]) == (5, "witness.example/w1", parse(note).signatures[1].line)
    assert (await scenario.verifier.verify()).ok


async def test_without_a_policy_nothing_waits_for_anybody(scenario):
    note = await scenario.sign()
    assert (await served(scenario), cosigners(note)) == (note, [])
    assert await scenario.fetch("SELECT FROM signed_checkpoints") == []
    assert await scenario.fetch("SELECT FROM checkpoint_cosignatures") == []


async def test_two_of_three_are_enough_and_one_is_not(scenario, tmp_path):
    async with running_witnesses(tmp_path, LOGS, "w1", "w2", "w3") as witnesses:
        lines = "".join(witness.policy_line for witness in witnesses)
        policy = write_policy(tmp_path, f"{lines}group two 2 w1 w2 w3\n", "two")
        first = await sign(scenario, policy)
        assert cosigners(first) == ["w1", "w2", "w3"]
        await witnesses[1].stop()
        await grow(scenario, 1)
        second = await sign(scenario, policy)
        assert cosigners(second) == ["w1", "w3"]
        await witnesses[2].stop()
        await grow(scenario, 2)
        newest = (await scenario.fetch("SELECT hash FROM blocks ORDER BY block_index DESC LIMIT 1"))[0]["hash"]
        async with signing(scenario, witness_policy=policy) as signer:
            assert await signer.sign_once() is None
            # Signed, not served: proofs, tiles and receipts stay at what two have seen.
            assert [row["size"] for row in await scenario.fetch("SELECT size FROM signed_checkpoints")] == [2, 3, 5]
            assert await served(scenario) == second
            async with scenario.service.client() as anyone:
                answer = await anyone.get(f"/api/v1/blockchain/proofs/inclusion/{newest}/")
                assert (answer.status_code, answer.json()["code"]) == (409, "not_yet_checkpointed")
                beyond = await anyone.get("/api/v1/blockchain/proofs/consistency/", params={"from": 1, "to": 5})
                assert beyond.status_code == 422
            assert signer.unwitnessed_seconds > 0
            assert REGISTRY.get_sample_value("impactnet_ledger_signed_size") == 5
            assert REGISTRY.get_sample_value("impactnet_ledger_published_size") == 3
            assert await signer.health().degraded() == []
            signer._unwitnessed_since -= 4 * INTERVAL_SECONDS
            assert await signer.health().degraded() == ["witnesses"]
            assert await signer.health().missing() == []
        assert len(await scenario.service.announced(CheckpointPublished)) == 2
        # Nothing new was written; the witness is back, has missed a size, and that is enough.
        await witnesses[1].start()
        async with signing(scenario, witness_policy=policy) as signer:
            third = await signer.sign_once()
            assert cosigners(third) == ["w1", "w2"]
            assert signer.unwitnessed_seconds == 0
        assert await served(scenario) == third
    assert len(await scenario.service.announced(CheckpointPublished)) == 3


async def test_a_size_without_a_quorum_is_passed_over_by_the_next_one(scenario, tmp_path):
    async with running_witnesses(tmp_path, LOGS, "w1") as [witness]:
        policy = write_policy(tmp_path, witness.policy_line, "w1")
        await witness.stop()
        assert await sign(scenario, policy) is None
        assert await served(scenario) is None
        await grow(scenario, 1)
        await witness.start()
        note = await sign(scenario, policy)
    assert [row["size"] for row in await scenario.fetch("SELECT size FROM checkpoints")] == [3]
    assert await served(scenario) == note


async def test_a_policy_that_is_taken_away_lets_out_what_was_waiting(scenario, tmp_path):
    async with http_server(is_down) as url:
        key = WitnessSigningKey.generate("w")
        policy = write_policy(tmp_path, f"witness w {key.verifier.vkey} {url}\n", "w")
        assert await sign(scenario, policy) is None
    note = await sign(scenario, None)
    assert (await served(scenario), cosigners(note)) == (note, [])
    assert await sign(scenario, None) is None


async def test_a_conflict_is_answered_from_the_size_that_the_witness_has(scenario, tmp_path):
    async with running_witnesses(tmp_path, LOGS, "w1") as [witness]:
        policy = write_policy(tmp_path, witness.policy_line, "w1")
        await grow(scenario, 3)
        assert await sign(scenario, policy)
        # An answer that was lost on the way: the witness has seen 5, we do not know it.
        await scenario.fetch("ALTER TABLE checkpoint_cosignatures DISABLE TRIGGER ALL")
        await scenario.fetch("DELETE FROM checkpoint_cosignatures")
        await grow(scenario, 4)
        assert cosigners(await sign(scenario, policy)) == ["w1"]
        # And a witness that starts anew, while we believe that it has seen 9.
        await witness.stop()
        (witness.folder / "state").rename(witness.folder / "lost")
        await witness.start()
        await grow(scenario, 2)
        assert cosigners(await sign(scenario, policy)) == ["w1"]


async def test_no_lie_is_taken_for_a_cosignature(scenario, tmp_path):
    """Each is told by its outcome, stored nowhere, and does not keep the honest from being heard."""
    lies = Lies()
    lie = ""

    async def behave(asked: Asked) -> tuple[int, str]:
        if asked.method == "GET":
            return 404, ""
        _, status, answer = lies.answers(asked.body)[lie]
        return status, answer

    async with http_server(behave) as url:
        line = f"witness liar {lies.key.verifier.vkey} {url}\n"
        policy = write_policy(tmp_path, line, "liar")
        sample = str(AddCheckpoint(0, (), KEY_CHECKPOINT)).encode()
        for lie, (outcome, _, _) in lies.answers(sample).items():
            before = counted(lies.key.name, outcome)
            assert await sign(scenario, policy) is None, lie
            assert counted(lies.key.name, outcome) == before + 1, lie
        assert await scenario.fetch("SELECT FROM checkpoint_cosignatures") == []
        assert await served(scenario) is None
        lie = "another key of the same name"
        async with running_witnesses(tmp_path, LOGS, "w1") as [honest]:
            mixed = write_policy(tmp_path, f"{line}{honest.policy_line}group any any liar w1\n", "any")
            assert cosigners(await sign(scenario, mixed)) == ["w1"]


async def test_an_honest_line_among_others_is_found(scenario, tmp_path):
    lies = Lies()

    async def behave(asked: Asked) -> tuple[int, str]:
        lines = (lies.line(asked.body, key) for key in (lies.other, lies.key, lies.other))
        return 200, "".join(lines)

    async with http_server(behave) as url:
        policy = write_policy(tmp_path, f"witness liar {lies.key.verifier.vkey} {url}\n", "liar")
        note = await sign(scenario, policy)
    assert note is not None
    assert [(each.name, each.key_id) for each in parse(note).signatures[1:]] == [(lies.key.name, lies.key.verifier.id)]


async def test_a_slow_witness_holds_nobody_up_and_is_heard_when_it_comes(scenario, tmp_path):
    lies = Lies()
    pause_seconds = 2.5

    async def behave(asked: Asked) -> tuple[int, str]:
        await asyncio.sleep(pause_seconds)
        return 200, lies.line(asked.body)

    async with http_server(behave) as url, running_witnesses(tmp_path, LOGS, "w1") as [quick]:
        lines = f"witness slow {lies.key.verifier.vkey} {url}\n{quick.policy_line}"
        policy = write_policy(tmp_path, f"{lines}group one any slow w1\n", "one")
        async with signing(scenario, witness_policy=policy, witness_timeout_seconds=10) as signer:
            running = asyncio.create_task(signer.sign_once())
            while (note := await served(scenario)) is None:  # noqa: ASYNC110 -- it is served over HTTP, not in here
                await asyncio.sleep(0.05)
            assert not running.done(), "it is published as soon as there is a quorum, and not when the last has spoken"
            assert cosigners(note) == ["w1"]
            assert await running == note
        # Too late for this note, which stays as it is; but what it said is kept.
        assert {row["witness"] for row in await scenario.fetch("SELECT witness FROM checkpoint_cosignatures")} == {
            "witness.example/w1",
            "witness.example/liar",
        }
        assert await served(scenario) == note
        pause_seconds = 60
        await grow(scenario, 1)
        began = time.monotonic()
        before = counted(lies.key.name, "timeout")
        assert cosigners(await sign(scenario, policy, witness_timeout_seconds=2)) == ["w1"]
        assert time.monotonic() - began < 10
        assert counted(lies.key.name, "timeout") == before + 1


async def test_a_witness_leaves_nothing_behind_in_the_signer():
    """Cookies would be kept as long as the process lives, whatever a witness makes of their number and size."""
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        cookie = f"Set-Cookie: c{len(asked)}={'x' * 4000}; Path=/; Max-Age=99999999\r\n"
        writer.write(f"HTTP/1.1 404 X\r\n{cookie}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    witness = Witness("w", WitnessSigningKey.generate("w.example/1").verifier, url)
    async with server, HttpWitnessClient(5) as client:
        for _ in range(3):
            assert (await client.add_checkpoint(witness, AddCheckpoint(0, (), KEY_CHECKPOINT))).status == 404
    assert len(asked) == 3
    assert not any(b"cookie" in each.lower() for each in asked)


async def test_a_silent_witness_is_asked_less_often(scenario, tmp_path):
    times = 0

    async def behave(asked: Asked) -> tuple[int, str]:
        nonlocal times
        times += asked.method == "POST"
        raise ConnectionResetError

    key = WitnessSigningKey.generate("w")
    async with http_server(behave) as url:
        policy = write_policy(tmp_path, f"witness w {key.verifier.vkey} {url}\n", "w")
        async with signing(scenario, witness_policy=policy) as signer:
            for _ in range(5):
                await signer.sign_once()
    assert times == 1


async def test_what_witnesses_said_is_append_only_and_the_signers_alone(scenario, tmp_path):
    async with running_witnesses(tmp_path, LOGS, "w1") as [witness]:
        await sign(scenario, write_policy(tmp_path, witness.policy_line, "w1"))
    for table in ("signed_checkpoints", "checkpoint_cosignatures"):
        for role in ("api", "worker"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await scenario.fetch(f"INSERT INTO {table} SELECT * FROM {table}", role=role)
        for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET size = 9", f"TRUNCATE {table}"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await scenario.fetch(statement, role="signer")
            with pytest.raises(asyncpg.RestrictViolationError):
                await scenario.fetch(statement)


@pytest.mark.parametrize("line", [None, "nothing\n", "— witness.example/w1 AAAA\n"])
async def test_a_forged_line_in_the_database_makes_no_quorum(scenario, tmp_path, line):
    """Nor does one that is no line at all keep the honest ones away."""
    key, honest = WitnessSigningKey.generate("witness.example/w1"), WitnessSigningKey.generate("witness.example/w2")

    async def cosign(asked: Asked) -> tuple[int, str]:
        return 200, honest.cosign(parse(parse_request(asked.body).note).text, int(time.time())).line

    async with http_server(is_down) as url, http_server(cosign) as other:
        lines = f"witness w1 {key.verifier.vkey} {url}\nwitness w2 {honest.verifier.vkey} {other}\n"
        both = write_policy(tmp_path, lines + "group both all w1 w2\n", "both")
        assert await sign(scenario, both) is None
        forged = key.cosign("another text\n", 1_790_000_000)
        await scenario.fetch(
            "INSERT INTO checkpoint_cosignatures VALUES (2, $1, $2, $3, now())",
            key.name,
            forged.key_id.hex(),
            line or forged.line,
        )
        assert await sign(scenario, both) is None
        assert await served(scenario) is None
        assert cosigners(await sign(scenario, write_policy(tmp_path, lines, "w2"))) == ["w2"]
