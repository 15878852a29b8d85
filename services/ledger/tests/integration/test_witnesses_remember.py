"""A log that was cut or written anew is not signed again, because the witnesses remember what they have seen."""

import pytest
from prometheus_client import REGISTRY
from services.ledger.tests.signing import (
    LOGS,
    Lies,
    counted,
    grow,
    served,
    sign,
    signing,
    write_policy,
)
from services.ledger.tests.witnesses import Asked, http_server, running_witnesses

from ledger.domain.checkpoints import Checkpoint
from ledger.domain.notes import Note, Signature, SigningKey, parse
from ledger.domain.proofs import complete_nodes
from ledger.settings import DEVELOPMENT_ORIGIN
from ledger.use_cases.sign_checkpoint import LogRewrittenError


async def cut_tail(scenario, size: int) -> None:
    """Someone with all rights cuts the chain cleanly and wipes what the database knows of signatures."""
    statements = [
        *(f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in ("blocks", "tree_spans", "checkpoints")),
        *(f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in ("signed_checkpoints", "checkpoint_cosignatures")),
        "DELETE FROM checkpoints",
        "DELETE FROM signed_checkpoints",
        "DELETE FROM checkpoint_cosignatures",
        f"DELETE FROM blocks WHERE block_index >= {size}",
        f"DELETE FROM tree_spans WHERE first >= {size} >> level",
        f"""UPDATE tree_spans SET hashes = substr(hashes, 1, (({size} >> level) - first)::integer * 32)
            WHERE first + octet_length(hashes) / 32 > {size} >> level""",
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
    """The witness was away when the signer started: the fork is signed, never served, and signed no further.

    Although it is larger than what the witness shows, and is what the signer's own file remembers.
    """
    state = str(tmp_path / "last-checkpoint")
    async with running_witnesses(tmp_path, LOGS, "w1") as [witness]:
        policy = write_policy(tmp_path, witness.policy_line, "w1")
        await grow(scenario, 4)
        assert await sign(scenario, policy)
        await cut_tail(scenario, 3)
        await grow(scenario, 6)
        async with signing(scenario, witness_policy=policy, signer_state_path=state) as signer:
            before = counted("witness.example/w1", "inconsistent")
            assert await signer.sign_once() is None
            assert counted("witness.example/w1", "inconsistent") == before + 1
            assert await served(scenario) is None
            for _ in range(3):
                await grow(scenario, 1)
                with pytest.raises(LogRewrittenError):
                    await signer.sign_once()
    with pytest.raises(LogRewrittenError):
        await sign(scenario, policy, signer_state_path=state)
    assert len(await scenario.fetch("SELECT * FROM signed_checkpoints")) == 1, "before it was heard, and never again"


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


async def test_a_refusal_is_told_although_it_cannot_be_remembered(scenario, tmp_path):
    """The disk is full, or not there: that is no database that is away, and hides nothing."""
    folder = tmp_path / "signer"
    async with running_witnesses(tmp_path, LOGS, "w1") as [witness]:
        policy = write_policy(tmp_path, witness.policy_line, "w1")
        await grow(scenario, 4)
        note = await sign(scenario, policy)
        await cut_tail(scenario, 3)
        await grow(scenario, 6)
        folder.write_text("in the way")
        async with signing(scenario, witness_policy=policy, signer_state_path=str(folder / "last")) as signer:
            await signer.recall()
            await signer._tick()
            assert signer.refusing
            missing = ["log_continues_what_was_signed", "memory_of_what_was_signed"]
            assert sorted(await signer.health().missing()) == missing
            folder.unlink()
            await signer._tick()
            assert await signer.health().missing() == missing[:1]
            assert (folder / "last").read_text() == note


async def test_what_is_signed_is_published_and_remembered_as_soon_as_it_can_be(scenario, tmp_path):
    folder = tmp_path / "signer"
    folder.write_text("in the way")
    async with running_witnesses(tmp_path, LOGS, "w1") as [witness]:
        policy = write_policy(tmp_path, witness.policy_line, "w1")
        async with signing(scenario, witness_policy=policy, signer_state_path=str(folder / "last")) as signer:
            for _ in range(2):
                await grow(scenario, 1)
                await signer._tick()
                assert await signer.health().missing() == ["memory_of_what_was_signed"]
                assert parse(await served(scenario) or "").text.splitlines()[1] == str(len(await scenario.blocks()))
            folder.unlink()
            await signer._tick()
            assert await signer.health().missing() == []
            assert (folder / "last").read_text() in (await served(scenario) or "")


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"a note of somebody else\n"])
async def test_what_cannot_be_read_where_the_signer_remembers_is_never_signed_over(scenario, tmp_path, content):
    state = tmp_path / "last"
    if content is None:
        state.mkdir()
    else:
        state.write_bytes(content)
    async with signing(scenario, signer_state_path=str(state)) as signer:
        await signer._tick()
        assert await served(scenario) is None
        need = "memory_of_what_was_signed" if content is None else "log_continues_what_was_signed"
        assert await signer.health().missing() == [need]
        if content is None:
            state.rmdir()
            await signer._tick()
            assert await signer.health().missing() == []
