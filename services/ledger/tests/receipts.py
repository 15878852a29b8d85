"""A receipt without a ledger: the second block of a log of two, signed by the development key."""

from datetime import UTC, datetime
from typing import Any

from ledger.adapters.keys import development_key
from ledger.domain.block import genesis, make_block
from ledger.domain.checkpoints import Checkpoint
from ledger.domain.merkle import node_hash
from ledger.domain.receipts import Receipt
from ledger.domain.tlog_proof import TlogProof
from ledger.settings import DEVELOPMENT_ORIGIN

DONOR = "0f0f6a30-5a0e-4f0e-9a53-6a6e8a5b2c01"
PROGRAM = "0f0f6a30-5a0e-4f0e-9a53-6a6e8a5b2c02"
TRANSACTION = "0f0f6a30-5a0e-7f0e-9a53-6a6e8a5b2c03"
BENEFICIARY = "0f0f6a30-5a0e-4f0e-9a53-6a6e8a5b2c04"
AWARD = "0f0f6a30-5a0e-4f0e-9a53-6a6e8a5b2c05"
KEY = development_key(DEVELOPMENT_ORIGIN)


def _money(amount: str, source: str, target: str) -> dict[str, Any]:
    postings = [{"account": source, "amount": f"-{amount}"}, {"account": target, "amount": amount}]
    return {"amount": amount, "currency": "NGN", "postings": postings, "program_id": PROGRAM}


def data_of(kind: str, amount: str) -> dict[str, Any]:
    external, available = f"external:donor:{DONOR}", f"program:{PROGRAM}:available"
    if kind == "donation":
        return _money(amount, external, available) | {"donor_id": DONOR}
    step = {"transaction_id": TRANSACTION, "step": "completed"}
    if kind == "refund":
        return _money(amount, "bank:clearing", external) | step | {"donation_id": AWARD, "donor_id": DONOR}
    paid = _money(amount, "bank:clearing", f"beneficiary:{BENEFICIARY}") | step
    return paid | {
        "award_id": AWARD,
        "tranche_id": AWARD,
        "beneficiary_id": BENEFICIARY,
        "payee_commitment": "c" * 64,
    }


def make_receipt(kind: str = "donation", amount: str = "1234567.89", **more: Any) -> Receipt:
    first, data = genesis(), more.pop("data", None) or data_of(kind, amount)
    block = make_block(
        block_index=1,
        timestamp=datetime(2026, 11, 24, 17, 6, 5, 123456, tzinfo=UTC),
        transaction_type=kind,
        transaction_id=TRANSACTION if kind == "donation" else f"{TRANSACTION}:completed",
        data=data,
        previous_hash=first.hash,
        nonce=1,
    )
    note = Checkpoint(DEVELOPMENT_ORIGIN, 2, node_hash(first.leaf_hash, block.leaf_hash)).signed(KEY)
    proof = TlogProof(1, (first.leaf_hash,), note, block.preimage)
    made: dict[str, Any] = {
        "number": 7,
        "proof": str(proof),
        "program_title": "Tailors of Kano",
        "donor_name": None,
        "public_url": "https://impactnet.example",
    }
    return Receipt(**made | more)
