"""A stranger with our public key checks us over HTTP without trusting us."""

import base64
from hashlib import sha256

import pytest

from chassis.ids import new_id
from contracts.ledger import CheckpointPublished
from contracts.programs import ProgramCreated
from ledger.adapters.chain import PostgresChain, Writer
from ledger.adapters.keys import development_key
from ledger.domain import drafts, merkle, tiles, tlog_proof
from ledger.domain.checkpoints import open_checkpoint
from ledger.domain.notes import SigningKey, VerifierKey
from ledger.settings import DEVELOPMENT_ORIGIN
from ledger.use_cases.sign_checkpoint import LogRewrittenError


async def grow(scenario, blocks: int) -> None:
    for _ in range(blocks):
        await scenario.service.deliver(ProgramCreated(program_id=new_id(), currency="NGN"))


async def test_a_stranger_verifies_a_block_with_nothing_but_the_answers_and_the_published_key(scenario):
    await grow(scenario, 4)
    assert await scenario.sign()
    async with scenario.service.client() as anyone:
        [line] = (await anyone.get("/.well-known/impactnet-ledger.vkey")).text.splitlines()
        keys = [VerifierKey.parse(line)]
        chain = (await anyone.get("/api/v1/blockchain/chain/")).json()
        assert [block["block_index"] for block in chain["items"]] == list(range(6))
        for block in chain["items"]:
            proof = (await anyone.get(f"/api/v1/blockchain/proofs/inclusion/{block['hash']}/")).json()
            preimage = base64.b64decode(proof["preimage_base64"])
            assert sha256(preimage).hexdigest() == block["hash"]
            checkpoint = open_checkpoint(proof["checkpoint"], keys, DEVELOPMENT_ORIGIN)
            assert (checkpoint.size, checkpoint.root.hex()) == (proof["tree_size"], proof["root_hash"])
            assert proof["leaf_hash"] == merkle.leaf_hash(preimage).hex()
            hashes = [bytes.fromhex(each) for each in proof["hashes"]]
            merkle.verify_inclusion(
                merkle.leaf_hash(preimage), proof["block_index"], checkpoint.size, hashes, checkpoint.root
            )
            text = (
                await anyone.get(
                    f"/api/v1/blockchain/proofs/inclusion/{block['hash']}/", params={"format": "tlog-proof"}
                )
            ).text
            parsed = tlog_proof.parse(text)
            assert (parsed.index, parsed.extra) == (block["block_index"], preimage)


async def test_a_block_that_no_checkpoint_covers_has_no_proof_yet_and_says_so(scenario):
    async with scenario.service.client() as anyone:
        assert (await anyone.get("/api/v1/blockchain/checkpoint/")).json()["code"] == "not_yet_checkpointed"
        await scenario.sign()
        await grow(scenario, 1)
        newest = (await anyone.get("/api/v1/blockchain/blocks/2/")).json()["hash"]
        answer = await anyone.get(f"/api/v1/blockchain/proofs/inclusion/{newest}/")
        assert (answer.status_code, answer.json()["code"]) == (409, "not_yet_checkpointed")
        assert answer.headers["retry-after"]
        verdict = (await anyone.get(f"/api/v1/blockchain/verify/{newest}/")).json()
        oks = {check["name"]: check["ok"] for check in verdict["checks"]}
        assert oks == {
            "bytes": True, "columns": True, "postings": True, "link": True, "inclusion": None, "signature": None
        }  # fmt: skip
        assert verdict["valid"] is True
        await scenario.sign()
        verdict = (await anyone.get(f"/api/v1/blockchain/verify/{newest}/")).json()
        assert [check["ok"] for check in verdict["checks"]] == [True] * 6
        assert verdict["first_failure"] is None


async def test_consistency_from_any_size_to_any_later_one(scenario):
    await grow(scenario, 7)
    await scenario.sign()
    leaves = [
        merkle.leaf_hash(bytes(row["preimage"]))
        for row in await scenario.fetch("SELECT preimage FROM blocks ORDER BY block_index")
    ]
    roots = [merkle.append(merkle.EMPTY, leaves[:size])[0].root() for size in range(len(leaves) + 1)]
    async with scenario.service.client() as anyone:
        for start in range(1, 10):
            for end in range(start, 10):
                answer = await anyone.get("/api/v1/blockchain/proofs/consistency/", params={"from": start, "to": end})
                proof = answer.json()
                assert (proof["from"], proof["to"]) == (start, end)
                hashes = [bytes.fromhex(each) for each in proof["hashes"]]
                merkle.verify_consistency(start, roots[start], end, roots[end], hashes)
        for bad in (
            {"from": 0, "to": 3},
            {"from": 4, "to": 3},
            {"from": 1, "to": 10},
            {"from": 1},
            {"from": "x", "to": 2},
        ):
            answer = await anyone.get("/api/v1/blockchain/proofs/consistency/", params=bad)
            assert answer.status_code == 422, bad


async def test_the_checkpoint_is_a_note_as_text_and_json_when_asked_for(scenario):
    note = await scenario.sign()
    async with scenario.service.client() as anyone:
        text = await anyone.get("/api/v1/blockchain/checkpoint/")
        assert (text.text, text.headers["content-type"]) == (note, "text/plain; charset=utf-8")
        asked = await anyone.get("/api/v1/blockchain/checkpoint/", headers={"Accept": "application/json"})
        assert (asked.json()["note"], asked.json()["size"]) == (note, 2)
        again = await anyone.get("/api/v1/blockchain/checkpoint/", headers={"If-None-Match": text.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    [published] = await scenario.service.announced(CheckpointPublished)
    assert published.note == note


async def bundles_are_packed_for_whoever_asks(anyone, path):
    plain = await anyone.get(path, headers={"Accept-Encoding": "identity"})
    packed = await anyone.get(path, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert packed.content == plain.content
    assert packed.headers["etag"] != plain.headers["etag"]
    assert "Accept-Encoding" in plain.headers["vary"]
    assert plain.headers["vary"] == packed.headers["vary"]
    known = {"Accept-Encoding": "gzip", "If-None-Match": packed.headers["etag"]}
    again = await anyone.get(path, headers=known)
    assert (again.status_code, again.content, again.headers.get("content-encoding")) == (304, b"", None)
    assert (await anyone.head(path, headers={"Accept-Encoding": "gzip"})).headers["content-encoding"] == "gzip"


async def test_a_tlog_client_rebuilds_the_tree_from_tiles(scenario):
    scenario.is_sound = False  # blocks of facts that nobody announced
    database = scenario.service.worker.database
    async with database.unit_of_work() as work:
        batch = [drafts.program_create(new_id(), new_id(), "NGN") for _ in range(256)]
        await PostgresChain(work, Writer()).append(*batch)
    await grow(scenario, 5)
    await scenario.sign()
    size = 2 + 256 + 5
    async with scenario.service.client() as anyone:

        async def tile(level, index, width=256):
            path = tiles.Tile(level, index, width).path
            answer = await anyone.get(f"/api/v1/blockchain/tiles/{path}")
            assert answer.status_code == 200, path
            assert "immutable" in answer.headers["cache-control"]
            return answer.content

        bundles = [*tiles.decode_entries(await tile(None, 0)), *tiles.decode_entries(await tile(None, 1, size - 256))]
        leaves = [*tiles.decode_hashes(await tile(0, 0)), *tiles.decode_hashes(await tile(0, 1, size - 256))]
        assert [merkle.leaf_hash(entry) for entry in bundles] == leaves
        full = merkle.append(merkle.EMPTY, leaves[:256])[0]
        assert tiles.decode_hashes(await tile(1, 0, 1)) == list(full.peaks)
        note = (await anyone.get("/api/v1/blockchain/tiles/checkpoint")).text
        key = development_key(DEVELOPMENT_ORIGIN).verifier
        checkpoint = open_checkpoint(note, [key], DEVELOPMENT_ORIGIN)
        assert checkpoint.root == merkle.append(merkle.EMPTY, leaves)[0].root()
        await bundles_are_packed_for_whoever_asks(anyone, f"/api/v1/blockchain/tiles/{tiles.Tile(None, 0, 256).path}")
        beyond = f"tile/entries/{'x999/' * 1500}999"
        for path in ("tile/0/001", f"tile/0/001.p/{size - 255}", "tile/9/000", "tile/0/01", "nothing", beyond):
            assert (await anyone.get(f"/api/v1/blockchain/tiles/{path}")).status_code == 404


async def test_the_signer_signs_only_growth(scenario):
    assert await scenario.sign()
    assert await scenario.sign() is None
    await grow(scenario, 1)
    assert await scenario.sign()
    assert len(await scenario.fetch("SELECT * FROM checkpoints")) == 2


async def test_the_signer_refuses_a_tree_that_was_rewritten(scenario):
    scenario.is_sound = False  # broken on purpose
    await grow(scenario, 3)
    await scenario.sign()
    await scenario.fetch("ALTER TABLE tree_spans DISABLE TRIGGER ALL")
    await scenario.fetch("UPDATE tree_spans SET hashes = sha256(hashes) WHERE level = 2 AND first = 0")
    await grow(scenario, 1)
    with pytest.raises(LogRewrittenError):
        await scenario.sign()


async def test_the_signer_refuses_a_tree_with_a_hole(scenario):
    scenario.is_sound = False  # broken on purpose
    await grow(scenario, 3)
    await scenario.sign()
    await grow(scenario, 1)
    await scenario.fetch("ALTER TABLE tree_spans DISABLE TRIGGER ALL")
    await scenario.fetch("DELETE FROM tree_spans WHERE level = 2 AND first = 0")
    with pytest.raises(LogRewrittenError, match="missing"):
        await scenario.sign()


async def test_the_signer_remembers_outside_the_database_what_it_signed(scenario, tmp_path):
    scenario.is_sound = False  # broken on purpose
    state = str(tmp_path / "signed")
    await grow(scenario, 3)
    assert await scenario.sign(signer_state_path=state)
    await scenario.fetch("ALTER TABLE checkpoints DISABLE TRIGGER ALL")
    await scenario.fetch("DELETE FROM checkpoints")
    await scenario.fetch("ALTER TABLE tree_spans DISABLE TRIGGER ALL")
    await scenario.fetch("UPDATE tree_spans SET hashes = sha256(hashes) WHERE level = 0 AND first = 4")
    with pytest.raises(LogRewrittenError):
        await scenario.sign(signer_state_path=state)


async def test_a_checkpoint_by_another_key_is_not_taken_for_ones_own(scenario):
    scenario.is_sound = False  # broken on purpose
    await scenario.sign(signing_key=SigningKey.generate(DEVELOPMENT_ORIGIN).text)
    await grow(scenario, 1)
    with pytest.raises(LogRewrittenError, match="not ours"):
        await scenario.sign()


async def test_a_receipt_comes_with_the_checkpoint_is_numbered_and_always_the_same(scenario):
    first = await scenario.donate("10.00")
    second = await scenario.donate("20.00")
    async with scenario.service.client(scenario.admin, "admin") as admin:
        early = await admin.get(f"/api/v1/transactions/{first['id']}/receipt/")
        assert (early.status_code, early.json()["code"]) == (409, "receipt_not_ready")
        await scenario.sign()
        await scenario.service.tick("issue_receipts")
        pdfs = [(await admin.get(f"/api/v1/transactions/{each['id']}/receipt/")).content for each in (first, second)]
        assert all(pdf.startswith(b"%PDF") and b"receipt.tlog-proof" in pdf for pdf in pdfs)
        again = await admin.get(f"/api/v1/transactions/{first['id']}/receipt/")
        assert again.content == pdfs[0]
        shown = (await admin.get(f"/api/v1/transactions/{first['id']}/")).json()
        assert shown["receipt_url"] == f"/api/v1/transactions/{first['id']}/receipt/"
    numbers = await scenario.fetch("SELECT number, sha256 FROM receipts ORDER BY number")
    assert [(row["number"], row["sha256"]) for row in numbers] == [
        (number, sha256(pdf).hexdigest()) for number, pdf in enumerate(pdfs, 1)
    ]
    async with scenario.service.client(new_id()) as stranger:
        assert (await stranger.get(f"/api/v1/transactions/{first['id']}/receipt/")).status_code == 404
