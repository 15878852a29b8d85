"""The public answers as OpenAPI describes them; bodies are built as plain data, and a test holds them to these."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """Exactly these fields: what is not described is not answered."""

    model_config = ConfigDict(extra="forbid")


class BlockShape(Shape):
    block_index: int
    timestamp: str
    transaction_type: str
    transaction_id: str
    data: dict[str, Any]
    previous_hash: str
    hash: str
    nonce: int
    is_verified: bool
    verified_by: str | None


class ChainShape(Shape):
    items: list[BlockShape]
    next_cursor: str | None


class CheckShape(Shape):
    name: Literal["bytes", "columns", "postings", "link", "inclusion", "signature"]
    ok: bool | None
    detail: str | None = None


class VerdictShape(Shape):
    hash: str
    valid: bool
    checks: list[CheckShape]
    first_failure: str | None
    block: BlockShape


class PublicTransactionShape(Shape):
    id: str
    transaction_type: str
    status: str
    amount: str
    currency: str
    program_id: str
    blockchain_hash: str | None
    previous_block_hash: str | None
    initiated_at: str
    completed_at: str | None


class BlockByHashShape(VerdictShape):
    transaction: PublicTransactionShape | None


class NodeShape(Shape):
    id: str
    type: str
    amount: str
    currency: str
    at: str
    hash: str | None


class LinkShape(Shape):
    source: str
    target: str
    amount: str


class CutShape(Shape):
    """What is left out; `at_least` where it was counted up to a bound only."""

    nodes: int
    links: int
    reason: Literal["count", "depth"]
    at_least: bool


class GraphShape(Shape):
    nodes: list[NodeShape]
    links: list[LinkShape]
    truncated: bool
    cut: CutShape | None


class TotalsShape(Shape):
    received: str
    committed: str
    disbursed: str
    refunded: str


class SignedSizeShape(Shape):
    size: int
    root: str


class StatsShape(Shape):
    height: int
    blocks: dict[str, int]
    totals: dict[str, TotalsShape]
    programs: int
    beneficiaries: int
    last_block_at: str
    checkpoint: SignedSizeShape | None


class ProgramBalanceShape(Shape):
    program_id: str
    currency: str
    available: str
    committed: str


class CosignatureShape(Shape):
    witness: str
    cosigned_at: str


class LastCheckpointShape(SignedSizeShape):
    created_at: str
    unsigned_blocks: int = Field(description="Blocks that came after it.")
    cosignatures: list[CosignatureShape] = Field(description="By witnesses, where a policy names some.")


class BooksShape(Shape):
    """Received = refunded + disbursed + available + committed + in transit; `difference` is what is missing."""

    received: str
    refunded: str
    disbursed: str
    available: str
    committed: str
    in_transit: str
    difference: str


class FailureShape(Shape):
    block_index: int | None
    failure: str
    found_at: str


class IntegrityShape(Shape):
    height: int
    unbalanced_entries: int
    balanced_through_height: int = Field(description="How far entries are known to balance: verified, or summed now.")
    unreconciled_payments: int
    disputed_payments: int
    quarantined_events: int
    exceptions: int = Field(description="Facts that could not be booked as asked.")
    last_verified_height: int
    last_verified_at: str | None
    standing_failure: FailureShape | None
    last_checkpoint: LastCheckpointShape | None
    books: dict[str, BooksShape]
    programs: list[ProgramBalanceShape]
    programs_truncated: bool = Field(description="Whether there are more; ask with `program_id`.")


class CheckpointShape(Shape):
    origin: str
    size: int
    root: str
    note: str
    created_at: str


class InclusionShape(Shape):
    hash: str
    block_index: int
    preimage_base64: str
    leaf_hash: str
    tree_size: int
    root_hash: str
    hashes: list[str]
    checkpoint: str


class ConsistencyShape(Shape):
    from_: int = Field(alias="from")
    to: int
    hashes: list[str]


class ImpactShape(Shape):
    beneficiary_id: str
    program_id: str
    amount_received: str
    currency: str
    disbursements: list[PublicTransactionShape]
    truncated: bool
