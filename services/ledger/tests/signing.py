"""What tests of the signer and its witnesses share."""

import base64
import time
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import REGISTRY
from services.ledger.tests.witnesses import Asked

from chassis.database import Database
from chassis.ids import new_id
from contracts.programs import ProgramCreated
from ledger.adapters.keys import development_key
from ledger.domain.checkpoints import Checkpoint
from ledger.domain.cosignatures import WitnessSigningKey
from ledger.domain.notes import parse
from ledger.domain.witness_policy import parse_policy
from ledger.domain.witnessing import parse_request
from ledger.settings import DEVELOPMENT_ORIGIN, LedgerSettings
from ledger.signer import Signer

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


async def is_down(_: Asked) -> tuple[int, str]:
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
