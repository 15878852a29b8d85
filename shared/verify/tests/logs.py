"""A small log of its own making for tests: written from the documented rules alone, slowly and plainly."""

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

GENESIS = (
    b'{"block_index":0,"data":{"currencies":{"NGN":2},"profile":"impactnet-jcs-1"},"nonce":0,"previous_hash":"'
    + b"0" * 64
    + b'","timestamp":"2026-01-01T00:00:00.000000Z","transaction_id":"genesis","transaction_type":"genesis"}'
)
ORIGIN = "log.example/impactnet"
COSIGNED_AT = 1_790_000_000


def jcs(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


@dataclass(frozen=True)
class Signer:
    """A key of a log (kind 1) or a witness (kind 4), made from a number."""

    name: str
    number: int
    kind: int = 1

    @property
    def private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(sha256(b"test key %d" % self.number).digest())

    @property
    def public(self) -> bytes:
        return self.private.public_key().public_bytes_raw()

    @property
    def id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64(bytes([self.kind]) + self.public)}"

    def line(self, text: str, at: int = COSIGNED_AT) -> str:
        if self.kind == 1:
            signature = self.private.sign(text.encode())
        else:
            signature = at.to_bytes(8, "big") + self.private.sign(f"cosignature/v1\ntime {at}\n{text}".encode())
        return f"— {self.name} {b64(self.id + signature)}\n"


LOG = Signer(ORIGIN, 1)
WITNESS = Signer("witness.example/w1", 2, 4)
OTHER_WITNESS = Signer("witness.example/w2", 3, 4)
STRANGER = Signer("stranger.example/s", 4)
POLICY = f"log {LOG.vkey}\nwitness w1 {WITNESS.vkey}\nquorum w1\n"
POLICY_WITHOUT_WITNESSES = f"log {LOG.vkey}\nquorum none\n"


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


@cache
def tree_root(leaves: tuple[bytes, ...]) -> bytes:
    """RFC 9162, 2.1.1, over leaf hashes, as it is written there."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    middle = split(len(leaves))
    return node(tree_root(leaves[:middle]), tree_root(leaves[middle:]))


def inclusion_path(index: int, leaves: tuple[bytes, ...]) -> list[bytes]:
    """RFC 9162, 2.1.3.1."""
    if len(leaves) == 1:
        return []
    middle = split(len(leaves))
    if index < middle:
        return [*inclusion_path(index, leaves[:middle]), tree_root(leaves[middle:])]
    return [*inclusion_path(index - middle, leaves[middle:]), tree_root(leaves[:middle])]


def consistency_path(old: int, leaves: tuple[bytes, ...], *, whole: bool = True) -> list[bytes]:
    """RFC 9162, 2.1.4.1."""
    if old == len(leaves):
        return [] if whole else [tree_root(leaves)]
    middle = split(len(leaves))
    if old <= middle:
        return [*consistency_path(old, leaves[:middle], whole=whole), tree_root(leaves[middle:])]
    return [*consistency_path(old - middle, leaves[middle:], whole=False), tree_root(leaves[:middle])]


def money(amount: str, source: str, target: str) -> dict[str, Any]:
    postings = [{"account": source, "amount": f"-{amount}"}, {"account": target, "amount": amount}]
    return {"amount": amount, "currency": "NGN", "postings": postings}


@dataclass
class Log:
    """Preimages in order; `add` links and times them."""

    preimages: list[bytes] = field(default_factory=lambda: [GENESIS])

    def add(self, transaction_type: str, transaction_id: str, data: dict[str, Any], /, **changes: Any) -> "Log":
        index = len(self.preimages)
        moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=index)
        block = {
            "block_index": index,
            "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "transaction_type": transaction_type,
            "transaction_id": transaction_id,
            "data": data,
            "previous_hash": sha256(self.preimages[-1]).hexdigest(),
            "nonce": 1,
        }
        self.preimages.append(jcs(block | changes))
        return self

    @property
    def size(self) -> int:
        return len(self.preimages)

    def leaves(self, size: int | None = None) -> tuple[bytes, ...]:
        return tuple(sha256(b"\x00" + preimage).digest() for preimage in self.preimages[:size])

    def dump(self, size: int | None = None) -> bytes:
        return b"".join(preimage + b"\n" for preimage in self.preimages[:size])

    def text(self, size: int | None = None) -> str:
        size = self.size if size is None else size
        return f"{ORIGIN}\n{size}\n{b64(tree_root(self.leaves(size)))}\n"

    def checkpoint(self, size: int | None = None, signers: tuple[Signer, ...] = (LOG, WITNESS)) -> bytes:
        text = self.text(size)
        return (text + "\n" + "".join(signer.line(text) for signer in signers)).encode()

    def proof(self, index: int, size: int | None = None, signers: tuple[Signer, ...] = (LOG, WITNESS)) -> bytes:
        path = inclusion_path(index, self.leaves(size))
        lines = ["c2sp.org/tlog-proof@v1", f"extra {b64(self.preimages[index])}", f"index {index}", *map(b64, path)]
        return "".join(f"{line}\n" for line in lines).encode() + b"\n" + self.checkpoint(size, signers)

    def json_proof(self, index: int, size: int | None = None, signers: tuple[Signer, ...] = (LOG, WITNESS)) -> bytes:
        leaves = self.leaves(size)
        return jcs(
            {
                "hash": sha256(self.preimages[index]).hexdigest(),
                "block_index": index,
                "preimage_base64": b64(self.preimages[index]),
                "leaf_hash": leaves[index].hex(),
                "tree_size": len(leaves),
                "root_hash": tree_root(leaves).hex(),
                "hashes": [each.hex() for each in inclusion_path(index, leaves)],
                "checkpoint": self.checkpoint(size, signers).decode(),
            }
        )

    def growth(self, old: int, size: int | None = None) -> bytes:
        return "".join(f"{b64(each)}\n" for each in consistency_path(old, self.leaves(size))).encode()


PROGRAM, DONOR, AWARD, BENEFICIARY = (str(number) * 8 + "-0000-4000-8000-000000000000" for number in (1, 2, 3, 4))
AVAILABLE = f"program:{PROGRAM}:available"
COMMITTED = f"program:{PROGRAM}:committed:{AWARD}"
AWARD_IDS = {"award_id": AWARD, "program_id": PROGRAM, "beneficiary_id": BENEFICIARY}
CLEARING = "bank:clearing"


def donation(amount: str = "1000.00", **more: Any) -> dict[str, Any]:
    return {"donor_id": DONOR, "program_id": PROGRAM, **money(amount, f"external:donor:{DONOR}", AVAILABLE)} | more


def commitment(amount: str = "600.00") -> dict[str, Any]:
    return AWARD_IDS | money(amount, AVAILABLE, COMMITTED)


def disbursement(payment: str, step: str, amount: str = "200.00", **more: Any) -> dict[str, Any]:
    source, target = {
        "sent": (COMMITTED, CLEARING),
        "completed": (CLEARING, f"beneficiary:{BENEFICIARY}"),
        "failed": (CLEARING, COMMITTED),
    }[step]
    # Each pays a tranche of its own, unless told.
    fields = {
        "transaction_id": payment,
        "step": step,
        "tranche_id": f"tranche-of-{payment}",
        "payee_commitment": "5" * 64,
    }
    return AWARD_IDS | fields | money(amount, source, target) | more


def reversal(payment: str, amount: str = "200.00") -> dict[str, Any]:
    fields = {"disbursement_id": payment, "code": "account_closed"}
    return AWARD_IDS | fields | money(amount, f"beneficiary:{BENEFICIARY}", COMMITTED)


def refund(payment: str, step: str, amount: str = "100.00") -> dict[str, Any]:
    donor = f"external:donor:{DONOR}"
    source, target = {
        "sent": (AVAILABLE, CLEARING),
        "completed": (CLEARING, donor),
        "failed": (CLEARING, AVAILABLE),
    }[step]
    fields = {"transaction_id": payment, "step": step, "donation_id": "gift-1", "donor_id": DONOR}
    return fields | {"program_id": PROGRAM} | money(amount, source, target)


def decision(**more: Any) -> dict[str, Any]:
    return {
        "application_id": "application-1",
        "program_id": PROGRAM,
        "outcome": "approved",
        "submission_sha256": "6" * 64,
        "reviews": 2,
        "final_score": "76.00",
        "decider_id": "decider-1",
        "award_id": AWARD,
    } | more


def story() -> Log:
    """A log in which every type of block and every step comes up."""
    log = Log()
    log.add("program_create", "event-1", {"program_id": PROGRAM, "currency": "NGN"})
    log.add("donation", "gift-1", donation())
    log.add("donation", "gift-2", donation("0.01", earmark="application-1"))
    interview = {"application_id": "application-1", "transcript_sha256": "7" * 64, "messages": 10}
    log.add("interview", "event-2", interview | {"model": "rules", "prompt_version": "1"})
    log.add("interview", "event-3", interview | {"model": 'mödel "é"', "prompt_version": "1"})
    log.add("commitment", "event-4", commitment())
    log.add("decision", "event-5", decision())
    log.add("disbursement", "pay-1:sent", disbursement("pay-1", "sent"))
    log.add("disbursement", "pay-1:completed", disbursement("pay-1", "completed"))
    log.add("disbursement", "pay-2:sent", disbursement("pay-2", "sent"), nonce=2)
    log.add("disbursement", "pay-2:failed", disbursement("pay-2", "failed"), nonce=2)
    log.add("reversal", "pay-1:reversed", reversal("pay-1"), nonce=2)
    log.add("decommitment", "event-6", AWARD_IDS | money("600.00", COMMITTED, AVAILABLE), nonce=2)
    log.add("refund", "back-1:sent", refund("back-1", "sent"), nonce=3)
    log.add("refund", "back-1:completed", refund("back-1", "completed"), nonce=3)
    exception = {"event_id": "event-7", "event_type": "applications.award_proposed.v1", "event_hash": "8" * 64}
    log.add("exception", "event-7", exception | {"code": "unknown_award"}, nonce=3)
    return log
