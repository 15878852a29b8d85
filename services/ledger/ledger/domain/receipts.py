"""What a receipt is: what it says of its block, the number in its series, and the proof it carries."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from ledger.domain import canonical, tlog_proof
from ledger.domain.block import Block, parse_preimage
from ledger.domain.block_data import check_shape
from ledger.domain.checkpoints import Checkpoint, parse_body
from ledger.domain.merkle import leaf_hash, verify_inclusion
from ledger.domain.money import parse_positive
from ledger.domain.notes import parse as parse_note
from ledger.domain.refusals import BadShapeError
from ledger.domain.transactions import TransactionType

# Whom the money came from or went to, by the type of the block; what no money arrives by has no receipt.
PARTIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        TransactionType.DONATION: "donor_id",
        TransactionType.DISBURSEMENT: "beneficiary_id",
        TransactionType.REFUND: "donor_id",
    }
)
_COMPLETED: Final = "completed"
# The layout that receipts are printed with; an older one stays, so that its receipts can be printed again.
LAYOUT: Final = 1
# A page with its fonts takes a twentieth of this.
SIZE_BYTES_MAX: Final = 2 * 1024 * 1024


@dataclass(frozen=True)
class Receipt:
    """Everything that the document is made of, so that the same receipt always gives the same bytes.

    `proof` is a complete tlog-proof with the block's preimage; `program_title` as it was when the receipt was issued;
    `donor_name` the name under which an admin recorded a donor, None for people with an account of their own: their
    names live in identity alone and can be erased there. `public_url` is where the public proof page is found.
    """

    number: int
    proof: str
    program_title: str | None
    donor_name: str | None
    public_url: str
    layout: int = LAYOUT

    @cached_property
    def block(self) -> Block:
        """The block that the proof carries.

        Raises:
            BadShapeError: no money has arrived by this block.
            NotCanonicalError, BadNoteError: no proof, or not of a block.
        """
        block = parse_preimage(self._proof.extra or b"")
        check_shape(block.transaction_type, block.data)
        if block.transaction_type not in PARTIES or block.data.get("step", _COMPLETED) != _COMPLETED:
            raise BadShapeError(f"no money has arrived by block {block.block_index}")
        return block

    @cached_property
    def checkpoint(self) -> Checkpoint:
        return parse_body(parse_note(self._proof.checkpoint).text)

    @property
    def checkpoint_note(self) -> str:
        """The signed note as published, cosignatures included."""
        return self._proof.checkpoint

    @cached_property
    def _proof(self) -> tlog_proof.TlogProof:
        return tlog_proof.parse(self.proof)

    @property
    def transaction_id(self) -> UUID:
        return UUID(self.block.data.get("transaction_id", self.block.transaction_id))

    @property
    def transaction_type(self) -> TransactionType:
        return TransactionType(self.block.transaction_type)

    @property
    def party_id(self) -> str:
        """The donor's or beneficiary's number: the ledger's own and random."""
        return str(self.block.data[PARTIES[self.block.transaction_type]])

    @property
    def amount(self) -> Decimal:
        return parse_positive(self.block.data["amount"], self.currency)

    @property
    def currency(self) -> str:
        return str(self.block.data["currency"])

    @property
    def program_id(self) -> str:
        return str(self.block.data["program_id"])

    @property
    def booked_at(self) -> datetime:
        """The block's time: the receipt's own date."""
        return self.block.timestamp

    @property
    def verify_url(self) -> str:
        """The page where anybody sees what was checked of this block."""
        return f"{self.public_url.rstrip('/')}/api/v1/blockchain/verify/{self.block.hash}/"

    def check(self) -> None:
        """Refuses to say what is not so: raises BadProofError unless the proof leads from the block to the root."""
        leaf = leaf_hash(self.block.preimage)
        verify_inclusion(leaf, self._proof.index, self.checkpoint.size, self._proof.hashes, self.checkpoint.root)
        if self._proof.index != self.block.block_index:
            raise BadShapeError(f"block {self.block.block_index} is not at {self._proof.index}")

    def facts(self) -> dict[str, Any]:
        """What `receipt.json` says: the fields that a stranger's verifier compares with the block."""
        block = self.block
        return {
            "amount": block.data["amount"],
            "block_hash": block.hash,
            "block_index": block.block_index,
            "checkpoint_size": self.checkpoint.size,
            "currency": self.currency,
            "number": self.number,
            "program_id": self.program_id,
            "transaction_id": str(self.transaction_id),
            "transaction_type": block.transaction_type,
            PARTIES[block.transaction_type]: self.party_id,
        }

    def facts_file(self) -> bytes:
        return canonical.encode(self.facts())


@dataclass(frozen=True, slots=True)
class IssuedReceipt:
    """A row of the series: what stands behind a number for ever. `object_key` is where the bytes are kept."""

    number: int
    transaction_id: UUID
    sha256: str
    object_key: str
    source: Receipt | None
    # Receipts of before object storage are kept whole.
    content: bytes | None = None


def digest_of(document: bytes) -> str:
    return sha256(document).hexdigest()


def object_key_of(digest: str) -> str:
    """Objects are called by their content: another content never replaces one."""
    return f"receipts/{digest}.pdf"
