"""Signed notes, keys, checkpoints and proof files, judged by the public vectors."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import checkpoints, ed25519, merkle, notes, tlog_proof
from ledger.domain.refusals import BadKeyError, BadNoteError

DATA = Path(__file__).parents[1] / "data"
SUMDB = json.loads((DATA / "sumdb-note" / "note.json").read_text())
C2SP = json.loads((DATA / "c2sp" / "examples.json").read_text())
BODIES = json.loads((DATA / "c2sp" / "checkpoint-body.json").read_text())["cases"]
PROOFS = json.loads((DATA / "tlog-proof" / "tlog-proof.json").read_text())


def test_signing_gives_the_published_note_byte_for_byte():
    sign = SUMDB["sign"]
    assert notes.sign(sign["text"], notes.SigningKey.parse(sign["skey"])) == sign["want"]


@pytest.mark.parametrize("vkey", SUMDB["good_vkeys"] + [C2SP["signed_note"]["vkey"]])
def test_a_verifier_key_reads_and_writes_the_same_line(vkey):
    assert notes.VerifierKey.parse(vkey).vkey == vkey


@pytest.mark.parametrize("vkey", [*SUMDB["bad_vkeys"], "", "a+b", "a b+00000000+AA==", "a+zz+AQ=="])
def test_a_bad_verifier_key_is_refused(vkey):
    with pytest.raises(BadKeyError):
        notes.VerifierKey.parse(vkey)


@pytest.mark.parametrize("case", SUMDB["open"], ids=lambda case: case["name"])
def test_opening_notes(case):
    note = base64.b64decode(case["note_b64"])
    keys = [notes.VerifierKey.parse(vkey) for vkey in case["vkeys"]]
    if case["ok"]:
        parsed, signed_by = notes.open_note(note, keys)
        assert [key.name for key in signed_by] == case["verified"]
        assert str(parsed).encode() == note
    else:
        with pytest.raises(BadNoteError):
            notes.open_note(note, keys)


def test_the_example_of_the_specification_verifies_and_the_cosigned_one_parses():
    example = C2SP["signed_note"]
    _, signed_by = notes.open_note(example["note"], [notes.VerifierKey.parse(example["vkey"])])
    assert signed_by[0].name == "example.com/foo"
    parsed = notes.parse(C2SP["checkpoint_shape"])
    assert [signature.name for signature in parsed.signatures] == [
        "example.com/behind-the-sofa",
        "witness.example.com/w1",
    ]
    assert checkpoints.parse_body(parsed.text).size == 20852163


@pytest.mark.parametrize("case", BODIES, ids=lambda case: case["m"])
def test_checkpoint_bodies(case):
    """The vectors' roots are of any length; a strict parser takes 32 bytes only, so theirs are exchanged."""
    if not case["ok"]:
        with pytest.raises(BadNoteError):
            checkpoints.parse_body(case["m"])
        return
    with pytest.raises(BadNoteError, match="32 bytes"):
        checkpoints.parse_body(case["m"])
    lines = case["m"].split("\n")
    lines[2] = base64.b64encode(merkle.EMPTY_ROOT).decode()
    body = "\n".join(lines)
    checkpoint = checkpoints.parse_body(body)
    assert checkpoint.body == body
    assert checkpoint.size == int(lines[1])


def test_a_checkpoint_of_another_log_or_by_another_signer_is_refused():
    key, other = notes.SigningKey.generate("log.example/a"), notes.SigningKey.generate("log.example/b")
    checkpoint = checkpoints.Checkpoint("log.example/a", 7, merkle.EMPTY_ROOT)
    keys = [key.verifier, other.verifier]
    assert checkpoints.open_checkpoint(checkpoint.signed(key, other), keys, "log.example/a") == checkpoint
    with pytest.raises(BadNoteError, match="not signed by the log"):
        checkpoints.open_checkpoint(checkpoint.signed(other), keys, "log.example/a")
    with pytest.raises(BadNoteError, match="not of"):
        checkpoints.open_checkpoint(checkpoint.signed(key), keys, "log.example/b")


@given(st.data())
def test_flipping_any_bit_of_a_signed_checkpoint_is_noticed(data):
    key = notes.SigningKey("log.example/a", bytes(range(32)))
    note = bytearray(checkpoints.Checkpoint("log.example/a", 7, merkle.EMPTY_ROOT).signed(key).encode())
    bit = data.draw(st.integers(0, len(note) * 8 - 1))
    note[bit // 8] ^= 1 << (bit % 8)
    with pytest.raises(BadNoteError):
        checkpoints.open_checkpoint(bytes(note), [key.verifier], "log.example/a")


def test_a_signing_key_never_shows_its_seed_and_reads_back():
    key = notes.SigningKey.generate("log.example/a")
    assert key.seed.hex() not in repr(key)
    assert notes.SigningKey.parse(key.text) == key
    for bad in ("", "PRIVATE+KEY+x", key.text.replace("PRIVATE", "PUBLIC"), key.text[:-4]):
        with pytest.raises(BadKeyError):
            notes.SigningKey.parse(bad)
    with pytest.raises(BadKeyError):
        notes.SigningKey.generate("two words")


SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
]


@pytest.mark.parametrize("key", SMALL_ORDER)
def test_keys_under_which_anyone_can_forge_are_refused(key):
    """All eight points of small order, and non-canonical spellings of some."""
    with pytest.raises(BadKeyError):
        ed25519.check_public_key(bytes.fromhex(key))
    identity = bytes.fromhex(SMALL_ORDER[0])
    assert not ed25519.verify(bytes.fromhex(key), b"anything", identity + bytes(32))


def test_a_malleated_signature_is_refused():
    seed = bytes(32)
    public_key = ed25519.public_key_of(seed)
    signature = ed25519.sign(seed, b"message")
    assert ed25519.verify(public_key, b"message", signature)
    order = 2**252 + 27742317777372353535851937790883648493
    malleated = signature[:32] + (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")
    assert not ed25519.verify(public_key, b"message", malleated)
    assert not ed25519.verify(public_key, b"another", signature)
    assert not ed25519.verify(public_key, b"message", signature[:63])
    assert not ed25519.verify(public_key[:31], b"message", signature)


def test_a_key_that_is_no_point_of_the_curve_is_refused():
    with pytest.raises(BadKeyError, match="not a point"):
        ed25519.check_public_key((2).to_bytes(32, "little"))


@pytest.mark.parametrize("case", PROOFS["marshal"], ids=lambda case: str(case["index"]))
def test_proof_files_are_written_as_specified_and_read_back(case):
    extra = base64.b64decode(case["extra_b64"]) if "extra_b64" in case else None
    hashes = tuple(base64.b64decode(each) for each in case["hashes"])
    proof = tlog_proof.TlogProof(case["index"], hashes, case["checkpoint"], extra)
    assert str(proof) == case["want"]
    assert tlog_proof.parse(case["want"]) == proof


@pytest.mark.parametrize("case", PROOFS["unmarshal_errors"], ids=lambda case: case["m"])
def test_malformed_proof_files_are_refused(case):
    with pytest.raises(BadNoteError):
        tlog_proof.parse(case["m"])
