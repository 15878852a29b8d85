"""The public vectors: trees, proofs, canonical JSON, notes, checkpoints, proof files."""

import base64
import json
from hashlib import sha256
from pathlib import Path

import pytest
from shared.verify.tests.logs import b64

from impactnet_verify import blocks, canonical, merkle, notes
from impactnet_verify.checkpoints import open_checkpoint, parse_body
from impactnet_verify.failures import NotVerifiedError
from impactnet_verify.policies import Policy, parse_policy
from impactnet_verify.proofs import parse_tlog_proof, verify_growth

DATA = Path(__file__).parent / "data"


def load(name: str):
    return json.loads((DATA / name).read_text())


TREE = load("rfc6962-merkle/tree.json")
INCLUSION = load("rfc6962-merkle/inclusion.json")
CONSISTENCY = load("rfc6962-merkle/consistency.json")
NOTES = load("sumdb-note/note.json")
C2SP = load("c2sp/examples.json")
BODIES = load("c2sp/checkpoint-body.json")["cases"]
PROOFS = load("tlog-proof/tlog-proof.json")
WITNESS = load("witness/add-checkpoint.json")


def test_the_genesis_block_is_the_golden_one():
    golden = (DATA / "impactnet-blocks" / "genesis.preimage").read_bytes()
    assert golden == blocks.GENESIS
    assert sha256(golden).hexdigest() == (DATA / "impactnet-blocks" / "genesis.sha256").read_text().strip()
    assert blocks.read_block(golden).block.transaction_type == "genesis"


def test_the_growing_tree_has_the_published_roots():
    tree = merkle.GrowingTree()
    roots = [tree.root().hex()]
    for leaf in TREE["leaf_inputs_hex"]:
        tree.append(bytes.fromhex(leaf))
        roots.append(tree.root().hex())
    assert roots == TREE["root_hashes_hex_by_size"]


@pytest.mark.parametrize("case", INCLUSION, ids=lambda case: case["_path"])
def test_inclusion_proofs(case):
    def run():
        merkle.verify_inclusion(
            base64.b64decode(case["leafHash"] or ""),
            case["leafIdx"],
            case["treeSize"],
            [base64.b64decode(each) for each in case["proof"] or []],
            base64.b64decode(case["root"] or ""),
        )

    if case["wantErr"]:
        with pytest.raises(NotVerifiedError):
            run()
    else:
        run()


@pytest.mark.parametrize("case", CONSISTENCY, ids=lambda case: case["_path"])
def test_consistency_proofs(case):
    def run():
        merkle.verify_consistency(
            case["size1"],
            base64.b64decode(case["root1"] or ""),
            case["size2"],
            base64.b64decode(case["root2"] or ""),
            [base64.b64decode(each) for each in case["proof"] or []],
        )

    if case["wantErr"]:
        with pytest.raises(NotVerifiedError):
            run()
    else:
        run()


@pytest.mark.parametrize("path", sorted((DATA / "jcs" / "output").iterdir()), ids=lambda path: path.name)
def test_canonical_json_is_taken_where_the_profile_has_it(path):
    """The profile has no floats and only plain keys: of the published files, one lies inside it."""
    content = path.read_bytes()
    hexadecimal = "".join((DATA / "jcs" / "outhex" / f"{path.stem}.txt").read_text().split())
    assert bytes.fromhex(hexadecimal) == content
    if path.name == "arrays.json":
        assert canonical.decode(content) == json.loads(content)
    else:
        with pytest.raises(NotVerifiedError, match=r"is no integer|is not"):
            canonical.decode(content)
    text = json.loads(content).get("string") if path.name == "values.json" else '\u20ac$\u000f\nA\'B"\\\\"/'
    inside = json.dumps([text], ensure_ascii=False, separators=(",", ":")).encode()
    assert canonical.decode(inside) == [text]


@pytest.mark.parametrize("path", sorted((DATA / "jcs" / "input").iterdir()), ids=lambda path: path.name)
def test_json_that_is_not_canonical_is_refused(path):
    with pytest.raises(NotVerifiedError):
        canonical.decode(path.read_bytes())


@pytest.mark.parametrize("vkey", [*NOTES["good_vkeys"], C2SP["signed_note"]["vkey"]])
def test_good_verifier_keys_are_read(vkey):
    key = notes.parse_verifier_key(vkey)
    assert f"{key.name}+{key.id.hex()}+{b64(bytes([key.kind]) + key.public_key)}" == vkey


@pytest.mark.parametrize("vkey", [*NOTES["bad_vkeys"], "", "a+b", "a b+00000000+AA==", "a+zz+AQ==", "a+00000000+"])
def test_bad_verifier_keys_are_refused(vkey):
    with pytest.raises(NotVerifiedError):
        notes.parse_verifier_key(vkey)


@pytest.mark.parametrize("case", NOTES["open"], ids=lambda case: case["name"])
def test_notes_open_as_in_the_reference_implementation(case):
    content = base64.b64decode(case["note_b64"])
    keys = [notes.parse_verifier_key(vkey) for vkey in case["vkeys"]]
    if case["ok"]:
        opened = notes.open_note(content, keys)
        assert [key.name for key in opened.signed_by] == case["verified"]
        assert opened.ignored == 2 - len(case["verified"])
    else:
        with pytest.raises(NotVerifiedError):
            notes.open_note(content, keys)


def test_the_published_signature_verifies():
    sign = NOTES["sign"]
    opened = notes.open_note(sign["want"].encode(), [notes.parse_verifier_key(NOTES["good_vkeys"][0])])
    assert opened.text == sign["text"]


def test_the_examples_of_the_specification():
    example = C2SP["signed_note"]
    opened = notes.open_note(example["note"].encode(), [notes.parse_verifier_key(example["vkey"])])
    assert opened.text == "This is an example message.\n"
    parsed = notes.parse_note(C2SP["checkpoint_shape"].encode())
    assert [len(line.signature) for line in parsed.signatures] == [64, 8 + 64]
    assert parse_body(parsed.text).size == 20852163


@pytest.mark.parametrize("case", BODIES, ids=lambda case: case["m"])
def test_checkpoint_bodies(case):
    """The vectors' roots are of any length; a strict reader takes 32 bytes only, so theirs are exchanged."""
    with pytest.raises(NotVerifiedError, match="32 bytes" if case["ok"] else "checkpoint: "):
        parse_body(case["m"])
    if case["ok"]:
        lines = case["m"].split("\n")
        lines[2] = b64(merkle.EMPTY_ROOT)
        assert parse_body("\n".join(lines)).size == int(lines[1])


@pytest.mark.parametrize("case", PROOFS["marshal"], ids=lambda case: str(case["index"]))
def test_proof_files_are_read_if_they_carry_a_block(case):
    content = case["want"].encode()
    if "extra_b64" not in case:
        with pytest.raises(NotVerifiedError, match="no extra line"):
            parse_tlog_proof(content)
        content = content.replace(b"\nindex", b"\nextra ZXh0cmEgaW5mb3JtYXRpb24=\nindex", 1)
    proof = parse_tlog_proof(content)
    assert (proof.index, [b64(each) for each in proof.path]) == (case["index"], case["hashes"])
    assert (proof.preimage, proof.note) == (b"extra information", case["checkpoint"].encode())


@pytest.mark.parametrize("case", PROOFS["unmarshal_errors"], ids=lambda case: case["m"])
def test_malformed_proof_files_are_refused(case):
    content = case["m"].encode()
    for variant in (content, content.replace(b"@v1\nindex", b"@v1\nextra AA==\nindex", 1)):
        with pytest.raises(NotVerifiedError):
            parse_tlog_proof(variant)


TESSERA_KEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"


def test_a_log_written_by_another_implementation_has_the_roots_that_it_signed():
    policy = parse_policy(f"log {TESSERA_KEY}\nquorum none\n".encode())
    bundle = (DATA / "tessera-log" / "tile" / "entries" / "000.p" / "15").read_bytes()
    tree = merkle.GrowingTree()
    for size in range(16):
        checkpoint = open_checkpoint((DATA / "tessera-log" / f"checkpoint.{size}").read_bytes(), policy)
        assert (checkpoint.size, checkpoint.root) == (size, tree.root())
        length = int.from_bytes(bundle[:2], "big")
        tree.append(bundle[2 : 2 + length])
        bundle = bundle[2 + length :]


def sigsum_policy() -> Policy:
    name = WITNESS["steps"][0]["body"].split("\n")[2]
    public = bytes.fromhex(WITNESS["log_pubkey_hex"])
    key_id = sha256(name.encode() + b"\n\x01" + public).digest()[:4].hex()
    return parse_policy(f"log {name}+{key_id}+{b64(bytes([1]) + public)}\nquorum none\n".encode())


def test_growth_is_judged_as_a_witness_judges_it():
    policy = sigsum_policy()
    accepted: dict[int, bytes] = {}
    outcomes = []
    for step in WITNESS["steps"]:
        head, _, note = step["body"].encode().partition(b"\n\n")
        old, *hashes = head.decode().split("\n")
        proof = "".join(f"{each}\n" for each in hashes).encode()
        old_size = int(old.removeprefix("old "))
        size = int(note.split(b"\n")[1])
        try:
            if old_size:
                verify_growth(accepted[old_size], note, proof, policy)
            else:
                open_checkpoint(note, policy)
            accepted[size] = note
            outcomes.append(200)
        except NotVerifiedError as failure:
            outcomes.append(422 if "consistency" in str(failure) else 403)
    # What a witness refuses because it has moved on (409) is sound in itself.
    wanted = [step["status"] for step in WITNESS["steps"]]
    assert [have for have, want in zip(outcomes, wanted, strict=True) if want != 409] == [
        want for want in wanted if want != 409
    ]


def test_a_real_checkpoint_of_the_go_checksum_database_verifies_but_has_another_name_than_its_key():
    sumdb = WITNESS["sumdb"]
    note = sumdb["body"].partition("\n\n")[2].encode()
    opened = notes.open_note(note, [notes.parse_verifier_key(sumdb["vkey"])])
    assert parse_body(opened.text).size == 35225469
    # tlog-policy: the key's name has to be the origin.
    with pytest.raises(NotVerifiedError, match="not signed by that log"):
        open_checkpoint(note, parse_policy(f"log {sumdb['vkey']}\nquorum none\n".encode()))
