"""Receipts of the tests' own making, in the layout of docs/verification.md."""

import json
from hashlib import sha256
from typing import Any

from shared.verify.tests.logs import Log, jcs


def facts_of(log: Log, index: int, size: int | None = None, **changes: Any) -> bytes:
    """`receipt.json` for a block of money."""
    block = json.loads(log.preimages[index])
    data = block["data"]
    party = "beneficiary_id" if block["transaction_type"] == "disbursement" else "donor_id"
    facts = {
        "amount": data["amount"],
        "block_hash": sha256(log.preimages[index]).hexdigest(),
        "block_index": index,
        "checkpoint_size": log.size if size is None else size,
        "currency": data["currency"],
        "number": 7,
        "program_id": data["program_id"],
        "transaction_id": data.get("transaction_id", block["transaction_id"]),
        "transaction_type": block["transaction_type"],
        party: data.get(party),
    }
    return jcs({name: value for name, value in (facts | changes).items() if value is not None})


def seal(pdf: bytes) -> bytes:
    return pdf + b"%impactnet-sha256:" + sha256(pdf).hexdigest().encode() + b"\n"


def attachment(number: int, name: str, content: bytes) -> bytes:
    return (
        b"%d 0 obj\n<<\n/Length %d\n/Type /EmbeddedFile\n>>\nstream\n%s\nendstream\nendobj\n"
        b"%d 0 obj\n<<\n/EF <</F %d 0 R>>\n/F (%s)\n/Type /Filespec\n/UF (%s)\n>>\nendobj\n"
    ) % (number, len(content), content, number + 1, number, name.encode(), name.encode())


def pdf_of(proof: bytes, facts: bytes) -> bytes:
    """Just enough of a PDF to hold two attachments; a page would not change what is verified."""
    return (
        b"%PDF-1.4\n1 0 obj\n<<\n/Type /Catalog\n>>\nendobj\n"
        + attachment(2, "receipt.tlog-proof", proof)
        + attachment(4, "receipt.json", facts)
        + b"trailer\n<<\n/Root 1 0 R\n>>\nstartxref\n0\n%%EOF\n"
    )


def receipt_of(log: Log, index: int, **changes: Any) -> bytes:
    return seal(pdf_of(log.proof(index), facts_of(log, index, **changes)))
