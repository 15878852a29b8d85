"""What the ledger publishes, put before `impactnet-verify`: code that shares nothing with the ledger."""

import base64
from pathlib import Path

import pytest

from impactnet_verify.command_line import main


@pytest.fixture
async def published(scenario, tmp_path: Path) -> Path:
    """A ledger that lived through everything, as a stranger gets it over HTTP: files in a folder."""
    await scenario.live_through_everything()

    async def store(client, name: str, path: str, **parameters: object) -> None:
        answer = await client.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        (tmp_path / name).write_bytes(answer.content)

    blockchain = "/api/v1/blockchain"
    async with scenario.service.client() as anyone, scenario.service.client(scenario.admin, "admin") as admin:
        keys = (await anyone.get("/.well-known/impactnet-ledger.vkey")).text.splitlines()
        (tmp_path / "policy").write_text("".join(f"log {key}\n" for key in keys) + "quorum none\n")
        await store(anyone, "checkpoint", f"{blockchain}/checkpoint/")
        size = int((tmp_path / "checkpoint").read_text().splitlines()[1])
        await store(anyone, "dump", f"{blockchain}/export.preimages.jsonl", height=size)
        rows = await scenario.fetch("SELECT note, size FROM checkpoints ORDER BY size")
        (tmp_path / "old").write_text(rows[0]["note"])
        assert rows[0]["size"] < rows[-1]["size"] == size
        await store(anyone, "growth.json", f"{blockchain}/proofs/consistency/", **{"from": rows[0]["size"], "to": size})
        hashes = (await anyone.get(f"{blockchain}/proofs/consistency/?from={rows[0]['size']}&to={size}")).json()[
            "hashes"
        ]
        (tmp_path / "growth").write_text(
            "".join(f"{base64.b64encode(bytes.fromhex(each)).decode()}\n" for each in hashes)
        )
        for row in await scenario.fetch("SELECT block_index, hash FROM blocks WHERE block_index < $1", size):
            name, block_hash = row["block_index"], row["hash"]
            block_hash = block_hash.hex() if isinstance(block_hash, bytes) else block_hash
            await store(anyone, f"{name}.json", f"{blockchain}/proofs/inclusion/{block_hash}/")
            await store(
                anyone, f"{name}.tlog-proof", f"{blockchain}/proofs/inclusion/{block_hash}/", format="tlog-proof"
            )
        for row in await scenario.fetch("SELECT transaction_id FROM receipts"):
            await store(admin, f"{row['transaction_id']}.pdf", f"/api/v1/transactions/{row['transaction_id']}/receipt/")
    return tmp_path


async def test_everything_that_is_published_is_verified_by_code_that_shares_nothing_with_us(published, capsys):
    policy = ["--policy", str(published / "policy")]

    def verdict(*arguments: str) -> int:
        names = [
            each if each in {"audit", "proof", "consistency", "receipt", "--proof"} else str(published / each)
            for each in arguments
        ]
        return main([*names, *policy])

    assert verdict("audit", "dump", "checkpoint") == 0, capsys.readouterr().out
    shown = capsys.readouterr().out
    for kind in (
        "donation",
        "commitment",
        "decommitment",
        "decision",
        "interview",
        "disbursement",
        "refund",
        "reversal",
    ):
        assert f" {kind}" in shown
    for proof in ("growth", "growth.json"):
        assert verdict("consistency", "old", "checkpoint", "--proof", proof) == 0, capsys.readouterr().out
    proofs = sorted(path.name for path in published.iterdir() if path.suffix in {".json", ".tlog-proof"})
    assert len(proofs) > 2 * 20
    for proof in proofs:
        if proof != "growth.json":
            assert verdict("proof", proof) == 0, capsys.readouterr().out
    receipts = sorted(path.name for path in published.glob("*.pdf"))
    assert len(receipts) >= 4
    for receipt in receipts:
        assert verdict("receipt", receipt) == 0, capsys.readouterr().out
    assert "VERIFIED: receipt" in capsys.readouterr().out


async def test_a_changed_byte_of_what_is_published_is_noticed(published, capsys):
    policy = ["--policy", str(published / "policy")]
    dump = (published / "dump").read_bytes()
    for position in range(0, len(dump), len(dump) // 97):
        changed = dump[:position] + bytes([dump[position] ^ 1]) + dump[position + 1 :]
        (published / "changed").write_bytes(changed)
        assert main(["audit", str(published / "changed"), str(published / "checkpoint"), *policy]) == 1
    receipt = next(published.glob("*.pdf")).read_bytes()
    for position in range(0, len(receipt), len(receipt) // 97):
        changed = receipt[:position] + bytes([receipt[position] ^ 1]) + receipt[position + 1 :]
        (published / "changed.pdf").write_bytes(changed)
        assert main(["receipt", str(published / "changed.pdf"), *policy]) == 1
    assert "VERIFIED: receipt" not in capsys.readouterr().out.replace("NOT VERIFIED", "")
