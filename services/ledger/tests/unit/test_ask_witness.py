"""What a witness's refusals mean to us: above all, when one says that it has seen another log of ours."""

from collections.abc import Sequence

import pytest

from ledger.domain.checkpoints import Checkpoint
from ledger.domain.cosignatures import WitnessSigningKey
from ledger.domain.notes import SigningKey
from ledger.domain.witness_policy import Witness
from ledger.domain.witnessing import AddCheckpoint
from ledger.use_cases.ask_witness import ask_witness
from ledger.use_cases.witness_ports import WitnessAnswer, WitnessFailedError

LOG = SigningKey.generate("log.example/a")
KEY = WitnessSigningKey.generate("witness.example/w")
NOTE = Checkpoint(LOG.verifier.name, 5, bytes(32)).signed(LOG)


class Refusing:
    """Keeps `witness_ports.WitnessClient`: these answers, one after the other."""

    def __init__(self, *answers: tuple[int, str]) -> None:
        self.answers = list(answers)
        self.asked: list[int] = []

    async def add_checkpoint(self, witness: Witness, request: AddCheckpoint) -> WitnessAnswer:
        del witness
        self.asked.append(request.old_size)
        return WitnessAnswer(*self.answers.pop(0))

    async def latest(self, witness: Witness, origin: str) -> str | None:
        """Shows nothing to anybody: all that is known of it are its refusals."""
        del witness, origin
        return None


async def no_proof(old_size: int) -> Sequence[bytes]:
    del old_size
    return ()


@pytest.mark.parametrize(
    ("old_size", "answers", "outcome"),
    [
        # Another root of the size that it has seen: 422, or by tlog-witness v1.0.0 a 409 without a word of its body.
        (5, [(422, "no\n")], "inconsistent"),
        (5, [(409, "5\n")], "inconsistent"),
        (5, [(409, "")], "inconsistent"),
        (3, [(409, "5\n"), (409, "5\n")], "inconsistent"),
        (3, [(422, "no\n")], "inconsistent"),
        (5, [(409, "6\n")], "ahead"),
        (3, [(409, "3\n")], "malformed"),
        (3, [(409, "")], "malformed"),
        (3, [(409, "4\n"), (409, "2\n"), (409, "1\n")], "conflict"),
    ],
)
async def test_what_a_refusal_means(old_size, answers, outcome):
    client = Refusing(*answers)
    with pytest.raises(WitnessFailedError) as failed:
        await ask_witness(client, Witness("w", KEY.verifier), NOTE, no_proof, old_size=old_size, now=lambda: 1)
    assert failed.value.outcome == outcome
    assert client.answers == [], "asked no more often than that"
