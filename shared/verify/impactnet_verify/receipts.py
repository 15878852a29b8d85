"""Receipts: a PDF that carries its own proof, read without a PDF library by the layout of docs/verification.md."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from impactnet_verify import canonical
from impactnet_verify.failures import NotVerifiedError, require
from impactnet_verify.policies import Policy
from impactnet_verify.proofs import ProvenBlock, verify_proof

SIZE_BYTES_MAX: Final = 20_000_000  # a receipt is one page; far beyond any of them
PROOF_NAME: Final = "receipt.tlog-proof"
FACTS_NAME: Final = "receipt.json"
_BEGINNING: Final = b"%PDF-1."
_PDF_END: Final = b"%%EOF\n"
_SEAL: Final = b"%impactnet-sha256:"
_SEAL_LINE: Final = re.compile(re.escape(_SEAL) + b"([0-9a-f]{64})\n")
_SEAL_LINE_BYTES: Final = len(_SEAL) + 65
_FILE_REFERENCE: Final = re.compile(rb"/EF <</F ([1-9][0-9]{0,9}) 0 R>>")
_LENGTH: Final = re.compile(rb"/Length (0|[1-9][0-9]{0,9})")
_OBJECT_BEGINS: Final = b" 0 obj\n<<\n"
_DICTIONARY_ENDS: Final = b"\n>>\n"
_STREAM_ENDS: Final = b"\nendstream\nendobj\n"
_COMPLETED: Final = "completed"
# Whom the money came from or went to, by the type of the block.
_PARTY: Final = {"donation": "donor_id", "refund": "donor_id", "disbursement": "beneficiary_id"}


@dataclass(frozen=True, slots=True)
class VerifiedReceipt:
    number: int
    proven: ProvenBlock


def verify_receipt(content: bytes, policy: Policy) -> VerifiedReceipt:
    """Raises NotVerifiedError unless the file is undamaged, its proof holds, and it says what the proven block says."""
    require(len(content) <= SIZE_BYTES_MAX, f"receipt: more than {SIZE_BYTES_MAX} bytes")
    _check_seal(content)
    proof, facts = _find_attachment(content, PROOF_NAME), _find_attachment(content, FACTS_NAME)
    require(not proof.startswith(b"{"), f"{PROOF_NAME}: not a tlog-proof")
    try:
        proven = verify_proof(proof, policy)
    except NotVerifiedError as failure:
        raise NotVerifiedError(f"{PROOF_NAME}: {failure}") from failure
    try:
        number = _check_facts(canonical.decode(facts), proven)
    except NotVerifiedError as failure:
        raise NotVerifiedError(f"{FACTS_NAME}: {failure}") from failure
    return VerifiedReceipt(number, proven)


def _check_seal(content: bytes) -> None:
    require(content.startswith(_BEGINNING), "receipt: not a PDF")
    sealed, seal = content[:-_SEAL_LINE_BYTES], content[-_SEAL_LINE_BYTES:]
    match = _SEAL_LINE.fullmatch(seal)
    if match is None:
        raise NotVerifiedError("seal: the last line is no seal")
    require(sealed.endswith(_PDF_END), "seal: not directly behind the end of the PDF")
    require(_SEAL not in sealed, "seal: more than one")
    require(sha256(sealed).hexdigest().encode() == match[1], "seal: the file is damaged")


def _find_attachment(content: bytes, name: str) -> bytes:
    """The bytes of an embedded file: its specification names an object, which holds them uncompressed."""
    label = b"\n/F (" + name.encode() + b")\n"
    require(content.count(label) == 1, f"{name}: not attached exactly once")
    position = content.index(label)
    begin = content.rfind(_OBJECT_BEGINS, 0, position) + len(_OBJECT_BEGINS)
    end = content.find(_DICTIONARY_ENDS, position)
    require(begin >= len(_OBJECT_BEGINS) and end >= 0, f"{name}: no file specification")
    lines = content[begin:end].split(b"\n")
    require(b"/Type /Filespec" in lines and b"endobj" not in lines, f"{name}: no file specification")
    require(content[end:].startswith(_DICTIONARY_ENDS + b"endobj\n"), f"{name}: no file specification")
    references = [match for match in map(_FILE_REFERENCE.fullmatch, lines) if match is not None]
    require(len(references) == 1, f"{name}: its specification does not name one object")
    return _read_stream(content, b"\n" + references[0][1] + _OBJECT_BEGINS, name)


def _read_stream(content: bytes, opening: bytes, name: str) -> bytes:
    # The number alone, so that a second object of it is noticed, however it goes on.
    number = opening.removesuffix(b"<<\n")
    require(content.count(number) == 1 and opening in content, f"{name}: its object is not there exactly once")
    begin = content.index(opening) + len(opening)
    end = content.find(_DICTIONARY_ENDS + b"stream\n", begin)
    require(end >= 0, f"{name}: no stream")
    lines = content[begin:end].split(b"\n")
    require(b"/Type /EmbeddedFile" in lines and b"endobj" not in lines, f"{name}: no embedded file")
    require(b"/Filter" not in content[begin:end], f"{name}: compressed")
    lengths = [match for match in map(_LENGTH.fullmatch, lines) if match is not None]
    require(len(lengths) == 1, f"{name}: no length")
    first = end + len(_DICTIONARY_ENDS + b"stream\n")
    last = first + int(lengths[0][1])
    require(content[last:].startswith(_STREAM_ENDS), f"{name}: its length is not true")
    return content[first:last]


def _check_facts(facts: Any, proven: ProvenBlock) -> int:
    """The receipt's number, which no block knows; everything else has to be what the block says."""
    if not isinstance(facts, dict):
        raise NotVerifiedError("not an object")
    wanted = _expected_facts(proven)
    require(
        facts.keys() == wanted.keys() | {"number"},
        f"its fields are not {', '.join(sorted(wanted.keys() | {'number'}))}",
    )
    for name, value in wanted.items():
        # Types too: True would equal 1.
        same = type(facts[name]) is type(value) and facts[name] == value
        require(same, f"{name}: the receipt says {facts[name]!r}, the block {value!r}")
    number = facts["number"]
    if type(number) is not int or number < 1:
        raise NotVerifiedError("number: not an integer from one up")
    return number


def _expected_facts(proven: ProvenBlock) -> Mapping[str, object]:
    block, data = proven.read.block, proven.read.data
    party = _PARTY.get(block.transaction_type)
    if party is None:
        raise NotVerifiedError(f"there are no receipts for a {block.transaction_type}")
    step = data.get("step", _COMPLETED)
    require(step == _COMPLETED, f"the block says {step}: no money has arrived")
    facts: dict[str, object] = {
        "amount": data["amount"],
        "block_hash": proven.hash,
        "block_index": block.block_index,
        "checkpoint_size": proven.checkpoint.size,
        "currency": data["currency"],
        "program_id": data["program_id"],
        "transaction_id": data.get("transaction_id", block.transaction_id),
        "transaction_type": block.transaction_type,
        party: data[party],
    }
    return facts
