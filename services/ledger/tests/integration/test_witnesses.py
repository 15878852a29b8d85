"""The signer and its witnesses: real processes, real HTTP, and servers that lie, dawdle or are not there."""

import asyncio
import base64
import time
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from prometheus_client import REGISTRY
from services.ledger.tests.witnesses import Asked, http_server, running_witnesses

from chassis.database import Database
from chassis.ids import new_id
from contracts.ledger import CheckpointPublished
from contracts.programs import ProgramCreated
from ledger.adapters.keys import development_key
from ledger.domain import tlog_proof
from ledger.domain.checkpoints import Checkpoint, open_checkpoint
from ledger.domain.cosignatures import WitnessSigningKey
from ledger.domain.notes import Note, Signature, SigningKey, parse
from ledger.domain.proofs import complete_nodes
from ledger.domain.witness_policy import parse_policy
from ledger.domain.witnessing import AddCheckpoint, parse_request
from ledger.settings import DEVELOPMENT_ORIGIN, LedgerSettings
from ledger.signer import Signer
from ledger.use_cases.sign_checkpoint import LogRewrittenError

KEY = development_key(DEVELOPMENT_ORIGIN)
KEY_CHECKPOINT = Checkpoint(DEVELOPMENT_ORIGIN, 2, bytes(32)).signed(KEY)
LOGS = f"log {KEY.verifier.vkey}\nquorum none\n"
# Long enough for a busy machine; witnesses get most of it.
INTERVAL_SECONDS = 20


async def grow(scenario, blocks: int) -> None:
    for _ in range(blocks):
        await scenario.service.deliver(ProgramCreated(program_id=new_id(), currency="NGN"))


def write_policy(folder: Path, lines: str, quorum: str) -> str:
    """The path of a policy with these witness and group lines."""
    path = folder / f"policy-{quorum}"
    path.write_text(f"log {KEY.verifier.vkey}\n{lines}quorum {quorum}\n")
    parse_policy(path.read_bytes())
    return str(path)


@asynccontextmanager
async def signing(scenario, **settings):
    """A signer that lives for several rounds."""
    database = Database(scenario.urls["ledger_signer"], application_name="test-signer")
    try:
        async with Signer(LedgerSettings(signer_interval_seconds=INTERVAL_SECONDS, **settings), database) as signer:
            yield signer
    finally:
        await database.close()


async def sign(scenario, policy: str | None, **settings) -> str | None:
    async with signing(scenario, witness_policy=policy, **settings) as signer:
        return await signer.sign_once()


async def served(scenario) -> str | None:
    async with scenario.service.client() as anyone:
        answer = await anyone.get("/api/v1/blockchain/checkpoint/")
    return answer.text if answer.status_code == 200 else None


def cosigners(note: str | None) -> list[str]:
    """The short names of those that cosigned what was published."""
    assert note is not None
    return [signature.name.rpartition("/")[2] for signature in parse(note).signatures[1:]]


def counted(witness: str, outcome: str) -> float:
    labels = {"witness": witness, "outcome": outcome}
    return REGISTRY.get_sample_value("impactnet_ledger_witness_answers_total", labels) or 0


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
    async with http_server(_raising) as url:
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


async def _raising(_: Asked) -> tuple[int, str]:
    raise ConnectionResetError


class Lies:
    """What a witness may answer instead of the truth; each is a way to be refused, by its outcome."""

    def __init__(self) -> None:
        self.key = WitnessSigningKey.generate("witness.example/liar")
        self.other = WitnessSigningKey.generate("witness.example/liar")

    def line(
        self, body: bytes, key: WitnessSigningKey | None = None, *, ahead: int = 0, text: str | None = None
    ) -> str:
        note = parse(parse_request(body).note)
        return (key or self.key).cosign(text or note.text, int(time.time()) + ahead).line

    def answers(self, body: bytes) -> dict[str, tuple[str, int, str]]:
        honest = self.line(body)
        stranger = WitnessSigningKey.generate("witness.example/stranger")
        note = parse_request(body).note
        log_line = parse(note).signatures[0].line
        name, _, encoded = honest.removeprefix("— ").removesuffix("\n").partition(" ")
        raw = bytearray(base64.b64decode(encoded))
        raw[-1] ^= 1
        return {
            "another key of the same name": ("wrong_key", 200, self.line(body, self.other)),
            "a key that nobody asked for": ("wrong_key", 200, self.line(body, stranger)),
            "the log's own line": ("wrong_key", 200, log_line),
            "no line": ("malformed", 200, ""),
            "a page": ("malformed", 200, "<html>welcome</html>\n"),
            "another text": ("bad_signature", 200, self.line(body, text="log\n1\nroot\n")),
            "a flipped bit": ("bad_signature", 200, f"— {name} {base64.b64encode(raw).decode()}\n"),
            "from the future": ("bad_signature", 200, self.line(body, ahead=3600)),
            "no time": ("bad_signature", 200, self.line(body, ahead=-int(time.time()))),
            "another note in front": ("malformed", 200, "x" * 70_000),
            "not UTF-8": ("malformed", 200, "\udcff\udcfe\n"),
            "many lines": ("malformed", 200, honest * 17),
            "does not know us": ("unknown_log", 404, "unknown\n"),
            "does not believe us": ("untrusted", 403, "no\n"),
            "not consistent": ("inconsistent", 422, "no\n"),
            "out of order": ("refused", 500, "no\n"),
            "moved": ("refused", 307, ""),
            "a conflict without a size": ("malformed", 409, "five\n"),
            "a conflict with what we said": ("malformed", 409, "0\n"),
            "has seen more than there is": ("ahead", 409, "999\n"),
        }


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


async def test_a_forged_line_in_the_database_makes_no_quorum(scenario, tmp_path):
    key = WitnessSigningKey.generate("witness.example/w1")
    async with http_server(_raising) as url:
        policy = write_policy(tmp_path, f"witness w1 {key.verifier.vkey} {url}\n", "w1")
        assert await sign(scenario, policy) is None
        forged = key.cosign("another text\n", 1_790_000_000)
        await scenario.fetch(
            "INSERT INTO checkpoint_cosignatures VALUES (2, $1, $2, $3, now())",
            key.name,
            forged.key_id.hex(),
            forged.line,
        )
        assert await sign(scenario, policy) is None
    assert await served(scenario) is None


async def cut_tail(scenario, size: int) -> None:
    """Someone with all rights cuts the chain cleanly and wipes what the database knows of signatures."""
    statements = [
        *(f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in ("blocks", "tree_nodes", "checkpoints")),
        *(f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in ("signed_checkpoints", "checkpoint_cosignatures")),
        "DELETE FROM checkpoints",
        "DELETE FROM signed_checkpoints",
        "DELETE FROM checkpoint_cosignatures",
        f"DELETE FROM blocks WHERE block_index >= {size}",
        f"DELETE FROM tree_nodes WHERE ((index + 1) << level) > {size}",
        "DELETE FROM programs WHERE NOT EXISTS (SELECT FROM blocks WHERE data->>'program_id' = program_id::text)",
    ]
    for statement in statements:
        await scenario.fetch(statement)
    peaks = b""
    for level, index in complete_nodes(0, size):
        [row] = await scenario.fetch("SELECT hash FROM tree_nodes WHERE level = $1 AND index = $2", level, index)
        peaks += bytes(row["hash"])
    await scenario.fetch(
        "UPDATE head SET size = $1, peaks = $2, (tip, tip_at) ="
        " (SELECT hash, timestamp FROM blocks WHERE block_index = $3)",
        size,
        peaks,
        size - 1,
    )


@pytest.mark.parametrize("grown", [0, 1, 6], ids=["shorter", "shorter still", "longer"])
async def test_a_tail_that_was_cut_is_not_signed_again_because_the_witnesses_remember(scenario, tmp_path, grown):
    """Database rewritten, the signer's file gone too: what remains is outside."""
    state = tmp_path / "signer" / "last-checkpoint"
    async with running_witnesses(tmp_path, LOGS, "w1") as [witness]:
        policy = write_policy(tmp_path, witness.policy_line, "w1")
        await grow(scenario, 4)
        note = await sign(scenario, policy, signer_state_path=str(state))
        assert note is not None
        assert state.read_text() in note
        await cut_tail(scenario, 3)
        await grow(scenario, grown)
        # The public sums are rewritten as well.
        counted = "(SELECT count(*) FROM blocks AS b WHERE b.transaction_type = block_counts.transaction_type)"
        await scenario.fetch(f"UPDATE block_counts SET number = {counted}")
        await scenario.fetch("UPDATE row_counts SET number = (SELECT count(*) FROM programs) WHERE name = 'programs'")
        assert (await scenario.verifier.verify()).ok, "from the inside it looks whole"
        with pytest.raises(LogRewrittenError):
            await sign(scenario, policy, signer_state_path=str(state))
        state.unlink()
        async with signing(scenario, witness_policy=policy, signer_state_path=str(state)) as signer:
            await signer.recall()
            await signer._tick()
            assert signer.refusing
            assert await signer.health().missing() == ["log_continues_what_was_signed"]
            assert REGISTRY.get_sample_value("impactnet_ledger_signer_refusing") == 1
        assert state.read_text() == note, "it is remembered here again, should the witness go away too"
        assert await served(scenario) is None
    with pytest.raises(LogRewrittenError):
        await sign(scenario, policy, signer_state_path=str(state))


async def test_a_rewritten_log_that_was_signed_before_the_witness_was_heard_is_found_out_at_once(scenario, tmp_path):
    """The witness was away when the signer started: the fork is signed, never served, and signed no further."""
    async with running_witnesses(tmp_path, LOGS, "w1") as [witness]:
        policy = write_policy(tmp_path, witness.policy_line, "w1")
        await grow(scenario, 4)
        assert await sign(scenario, policy)
        await cut_tail(scenario, 3)
        await grow(scenario, 6)
        async with signing(scenario, witness_policy=policy) as signer:
            before = counted("witness.example/w1", "inconsistent")
            assert await signer.sign_once() is None
            assert counted("witness.example/w1", "inconsistent") == before + 1
            assert await served(scenario) is None
            await grow(scenario, 1)
            with pytest.raises(LogRewrittenError):
                await signer.sign_once()


async def test_a_witness_that_only_claims_to_have_seen_more_stops_nobody(scenario, tmp_path):
    """Without a checkpoint that we have signed, it is a witness's word against our log."""
    lies = Lies()
    stranger = SigningKey.generate(DEVELOPMENT_ORIGIN)

    async def behave(asked: Asked) -> tuple[int, str]:
        if asked.method == "POST":
            return 409, "999\n"
        unsigned = Signature(DEVELOPMENT_ORIGIN, stranger.verifier.id, bytes(64))
        return 200, str(Note(Checkpoint(DEVELOPMENT_ORIGIN, 999, bytes(32)).body, (unsigned,)))

    async with http_server(behave) as url:
        policy = write_policy(tmp_path, f"witness w {lies.key.verifier.vkey} {url}\n", "w")
        async with signing(scenario, witness_policy=policy) as signer:
            await signer.recall()
            for _ in range(3):
                assert await signer.sign_once() is None
                await grow(scenario, 1)
            assert not signer.refusing
