"""A receipt of a ledger with witnesses: it carries their cosignatures, and a stranger wants a quorum of them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pypdf
import pytest
from services.ledger.tests.processes import run_verifier
from services.ledger.tests.scenario import KEY, Scenario
from services.ledger.tests.witnesses import running_witnesses

from chassis.ids import new_id
from chassis.testing.harness import running_service
from ledger.bootstrap import SERVICE
from ledger.domain import tlog_proof
from ledger.domain.cosignatures import WitnessSigningKey
from ledger.domain.notes import parse
from ledger.domain.witness_policy import BadPolicyError

LOG = f"log {KEY.verifier.vkey}\n"
POLICY = "/.well-known/impactnet-ledger.policy"


@dataclass
class Witnessed:
    """A ledger whose policy wants two of three witnesses, of which the third is never there."""

    scenario: Scenario
    policy: Path
    # `witness` lines of a policy, for all three.
    lines: str

    async def receipt(self) -> bytes:
        """Of a donation, once its block is under a cosigned checkpoint."""
        given = await self.scenario.donate("1250.00")
        await self.scenario.sign(witness_policy=str(self.policy), signer_interval_seconds=20)
        await self.scenario.service.tick("issue_receipts")
        async with self.scenario.service.client(self.scenario.admin, "admin") as client:
            answer = await client.get(f"/api/v1/transactions/{given['id']}/receipt/")
        assert answer.status_code == 200, answer.text
        return answer.content


@pytest.fixture
async def witnessed(urls: dict[str, str], storage: dict[str, Any], tmp_path: Path) -> AsyncIterator[Witnessed]:
    absent = WitnessSigningKey.generate("witness.example/w3")
    async with running_witnesses(tmp_path, f"{LOG}quorum none\n", "w1", "w2") as witnesses:
        lines = "".join(witness.policy_line for witness in witnesses) + f"witness w3 {absent.verifier.vkey}\n"
        policy = tmp_path / "policy"
        policy.write_text(f"{LOG}{lines}group two 2 w1 w2 w3\nquorum two\n")
        async with running_service(SERVICE, urls, witness_policy=str(policy), **storage) as service:
            scenario = Scenario(service, urls, new_id(), new_id(), new_id(), new_id())
            await scenario.create_program()
            yield Witnessed(scenario, policy, lines)
            await scenario.check_books()


def proof_in(document: bytes) -> str:
    [content] = pypdf.PdfReader(BytesIO(document)).attachments["receipt.tlog-proof"]
    return content.decode()


async def test_a_receipt_carries_its_cosignatures_and_verifies_with_a_quorum_and_not_without(witnessed, tmp_path):
    document = await witnessed.receipt()
    note = tlog_proof.parse(proof_in(document)).checkpoint
    assert [line.name for line in parse(note).signatures][1:] == ["witness.example/w1", "witness.example/w2"]
    file, chosen = tmp_path / "receipt.pdf", tmp_path / "chosen"
    file.write_bytes(document)
    expected = {"none": 0, "w1": 0, "w3": 1, "1 w1 w2 w3": 0, "2 w1 w2 w3": 0, "3 w1 w2 w3": 1, "all w1 w3": 1}
    said: dict[str, str] = {}
    for quorum, status in expected.items():
        group = f"group some {quorum}\nquorum some\n" if " " in quorum else f"quorum {quorum}\n"
        chosen.write_text(f"{LOG}{witnessed.lines}{group}")
        found, said[quorum] = await run_verifier("receipt", file, "--policy", chosen)
        assert found == status, (quorum, said[quorum])
    assert "1250.00 NGN" in said["2 w1 w2 w3"]
    assert "quorum" in said["3 w1 w2 w3"]
    # Another's cosignature under the name of a witness of ours counts for nothing.
    other = WitnessSigningKey.generate("witness.example/w1")
    chosen.write_text(f"{LOG}witness w1 {other.verifier.vkey}\nquorum w1\n")
    assert (await run_verifier("receipt", file, "--policy", chosen))[0] == 1


async def test_the_published_policy_is_the_signers_and_verifies_receipts_as_it_is(witnessed, tmp_path):
    document = await witnessed.receipt()
    async with witnessed.scenario.service.client() as anyone:
        answer: httpx.Response = await anyone.get(POLICY)
        again = await anyone.get(POLICY, headers={"If-None-Match": answer.headers["etag"]})
    assert (answer.status_code, answer.content) == (200, witnessed.policy.read_bytes())
    assert again.status_code == 304
    file, policy = tmp_path / "receipt.pdf", tmp_path / "fetched"
    file.write_bytes(document)
    policy.write_bytes(answer.content)
    status, said = await run_verifier("receipt", file, "--policy", policy)
    assert status == 0, said


async def test_a_ledger_without_witnesses_publishes_no_policy(scenario):
    async with scenario.service.client() as anyone:
        assert (await anyone.get(POLICY)).status_code == 404


async def test_a_ledger_does_not_start_with_a_policy_that_nobody_can_use(urls, tmp_path):
    policy = tmp_path / "policy"
    policy.write_text("quorum nobody\n")
    with pytest.raises(BadPolicyError):
        async with running_service(SERVICE, urls, witness_policy=str(policy)):
            pass
