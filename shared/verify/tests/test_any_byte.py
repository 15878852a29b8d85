"""Whatever byte is changed in what is given: it is noticed."""

import io
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared.verify.tests.logs import LOG, OTHER_WITNESS, POLICY, STRANGER, WITNESS, consistency_path, jcs, story
from shared.verify.tests.receipt_files import receipt_of

from impactnet_verify.audit import audit
from impactnet_verify.checkpoints import open_checkpoint
from impactnet_verify.failures import NotVerifiedError
from impactnet_verify.policies import parse_policy
from impactnet_verify.proofs import verify_growth, verify_proof
from impactnet_verify.receipts import verify_receipt

STORY = story()
TRUST = parse_policy(POLICY.encode())
OLD_SIZE = 11
PROOF, JSON_PROOF = STORY.proof(9), STORY.json_proof(9)
OLD, NEW, GROWTH = STORY.checkpoint(OLD_SIZE), STORY.checkpoint(), STORY.growth(OLD_SIZE)
JSON_GROWTH = jcs(
    {
        "from": OLD_SIZE,
        "to": STORY.size,
        "hashes": [each.hex() for each in consistency_path(OLD_SIZE, STORY.leaves())],
    }
)
DUMP, RECEIPT = STORY.dump(), receipt_of(STORY, 9)


def audited(dump: bytes, checkpoint: bytes) -> None:
    audit(io.BytesIO(dump), open_checkpoint(checkpoint, TRUST))


JUDGES = {
    "a proof": (PROOF, lambda content: verify_proof(content, TRUST)),
    "a JSON proof": (JSON_PROOF, lambda content: verify_proof(content, TRUST)),
    "the old checkpoint": (OLD, lambda content: verify_growth(content, NEW, GROWTH, TRUST)),
    "the new checkpoint": (NEW, lambda content: verify_growth(OLD, content, GROWTH, TRUST)),
    "a consistency proof": (GROWTH, lambda content: verify_growth(OLD, NEW, content, TRUST)),
    "a JSON consistency proof": (JSON_GROWTH, lambda content: verify_growth(OLD, NEW, content, TRUST)),
    "a dump": (DUMP, lambda content: audited(content, NEW)),
    "the checkpoint of a dump": (NEW, lambda content: audited(DUMP, content)),
    "a receipt": (RECEIPT, lambda content: verify_receipt(content, TRUST)),
}


@pytest.mark.parametrize("name", JUDGES)
def test_what_was_not_changed_is_verified(name):
    content, judge = JUDGES[name]
    judge(content)
    assert len(content) > 100


@pytest.mark.parametrize("name", JUDGES)
def test_each_single_byte_counts(name):
    """Every position: with the least change, with the case of a letter changed, or with any other byte."""
    content, judge = JUDGES[name]
    choice = random.Random(name)  # noqa: S311 -- the same changes in each run
    for position, byte in enumerate(content):
        changes = [byte ^ 1, byte ^ 0x20, byte ^ choice.randrange(1, 256)]
        # A dump is long and judged as a whole: one of the three has to do.
        for changed in changes[position % 3 :][:1] if name == "a dump" else changes:
            with pytest.raises(NotVerifiedError):
                judge(content[:position] + bytes([changed]) + content[position + 1 :])


@pytest.mark.parametrize("name", JUDGES)
@given(data=st.data())
@settings(max_examples=200)
def test_nothing_can_be_put_in_taken_out_or_exchanged(name, data):
    content, judge = JUDGES[name]
    begin = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(begin, min(len(content), begin + 40)))
    changed = content[:begin] + data.draw(st.binary(max_size=3)) + content[end:]
    if changed == content or (name == "a dump" and changed == content[:-1]):
        return  # a dump's last newline may be missing
    with pytest.raises(NotVerifiedError):
        judge(changed)


@pytest.mark.parametrize("name", JUDGES)
@pytest.mark.parametrize("extra", [b"\n", b" ", b"\0", b"\r\n", b"\xef\xbb\xbf"])
def test_nothing_can_stand_before_or_behind(name, extra):
    content, judge = JUDGES[name]
    for changed in (extra + content, content + extra):
        with pytest.raises(NotVerifiedError):
            judge(changed)


def test_a_dump_may_lack_its_last_newline_and_no_other():
    audited(DUMP[:-1], NEW)
    with pytest.raises(NotVerifiedError):
        audited(DUMP.replace(b"\n", b"\r\n"), NEW)


def test_a_line_that_nothing_rests_on_may_change_and_is_then_counted_as_ignored():
    """The one exception, which C2SP demands: lines by unknown keys are ignored, so what is no longer known is too."""
    policy = parse_policy(
        f"log {LOG.vkey}\nwitness w1 {WITNESS.vkey}\nwitness w2 {OTHER_WITNESS.vkey}\nquorum w1".encode()
    )
    proof = STORY.proof(9, signers=(LOG, STRANGER, WITNESS, OTHER_WITNESS))
    assert verify_proof(proof, policy).checkpoint.ignored_lines == 1
    text = proof.decode()
    redundant = {
        position
        for signer in (STRANGER, OTHER_WITNESS)
        for position in range(
            len(text[: text.index(f"— {signer.name}")].encode()),
            len(text[: text.index("\n", text.index(f"— {signer.name}"))].encode()),
        )
    }
    unnoticed = set()
    for position, byte in enumerate(proof):
        try:
            proven = verify_proof(proof[:position] + bytes([byte ^ 1]) + proof[position + 1 :], policy)
        except NotVerifiedError:
            continue
        unnoticed.add(position)
        assert proven.checkpoint.ignored_lines >= 1
        assert WITNESS.name in proven.checkpoint.witnesses
    assert unnoticed
    assert unnoticed <= redundant


@pytest.mark.parametrize("size", range(1, 18))
def test_growth_between_all_sizes_is_verified_and_no_other_pair_fits_the_proof(size):
    new = STORY.checkpoint(size)
    for old_size in range(1, size + 1):
        old, proof = STORY.checkpoint(old_size), STORY.growth(old_size, size)
        before, after = verify_growth(old, new, proof, TRUST)
        assert (before.size, after.size) == (old_size, size)
        if old_size < size:
            with pytest.raises(NotVerifiedError):
                verify_growth(new, old, proof, TRUST)
            with pytest.raises(NotVerifiedError):
                verify_growth(STORY.checkpoint(old_size), STORY.checkpoint(size), proof + proof[:45], TRUST)


@pytest.mark.parametrize("index", range(17))
def test_every_block_is_proven_at_every_size_and_at_no_other_place(index):
    for size in range(index + 1, 18):
        proof = STORY.proof(index, size)
        assert verify_proof(proof, TRUST).read.block.block_index == index
        assert verify_proof(STORY.json_proof(index, size), TRUST).checkpoint.size == size
        with pytest.raises(NotVerifiedError, match="inclusion"):
            verify_proof(proof.replace(b"\nindex %d\n" % index, b"\nindex %d\n" % (index + 1)), TRUST)
