"""Bodies of answers that several routers give: blocks, verdicts, graphs."""

from dataclasses import asdict
from typing import Any, Final

from chassis.api.problems import MEDIA_TYPE
from ledger.domain.block import format_timestamp
from ledger.domain.money import format_amount
from ledger.domain.verification import StoredBlock
from ledger.use_cases.reading_ports import Graph
from ledger.use_cases.readings import TransactionView
from ledger.use_cases.verify_block import Verdict

# What is one person's is kept by nobody else, and asked for again before it is shown.
PRIVATE: Final = "private, no-cache"
# What names people or their accounts and is not asked for again: not even on the reader's own disk.
NOT_KEPT: Final = "no-store"
# How a problem is described that the chassis does not describe by itself.
PROBLEM: Final = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}


def block_body(block: StoredBlock, verified_by: str | None) -> dict[str, Any]:
    """A block as its columns say; whether and by whom it was verified is kept outside of it."""
    return {
        "block_index": block.block_index,
        "timestamp": format_timestamp(block.timestamp),
        "transaction_type": block.transaction_type,
        "transaction_id": block.transaction_id,
        "data": block.data,
        "previous_hash": block.previous_hash,
        "hash": block.hash,
        "nonce": block.nonce,
        "is_verified": verified_by is not None,
        "verified_by": verified_by,
    }


def verdict_body(verdict: Verdict, verified_by: str | None) -> dict[str, Any]:
    return {
        "hash": verdict.block.hash,
        "valid": verdict.valid,
        "checks": [
            {"name": check.name, "ok": check.ok} | ({"detail": check.detail} if check.detail else {})
            for check in verdict.checks
        ],
        "first_failure": verdict.first_failure,
        "block": block_body(verdict.block, verified_by),
    }


def public_transaction_body(row: TransactionView) -> dict[str, Any]:
    """What anyone may know of a transaction: no people, no accounts."""
    return {
        "id": str(row.id),
        "transaction_type": row.transaction_type,
        "status": row.status,
        "amount": format_amount(row.amount, row.currency),
        "currency": row.currency,
        "program_id": str(row.program_id),
        "blockchain_hash": row.blockchain_hash,
        "previous_block_hash": row.previous_block_hash,
        "initiated_at": format_timestamp(row.initiated_at),
        "completed_at": format_timestamp(row.completed_at) if row.completed_at else None,
    }


def graph_body(graph: Graph) -> dict[str, Any]:
    """For D3: edges run from the donation to the disbursement; `cut` says what was left out."""
    currency_of = {row.id: row.currency for row in graph.nodes}
    return {
        "nodes": [
            {
                "id": str(row.id),
                "type": row.transaction_type,
                "amount": format_amount(row.amount, row.currency),
                "currency": row.currency,
                "at": format_timestamp(row.completed_at or row.initiated_at),
                "hash": row.blockchain_hash,
            }
            for row in graph.nodes
        ],
        "links": [
            {
                "source": str(link.source),
                "target": str(link.target),
                "amount": format_amount(link.amount, currency_of[link.source]),
            }
            for link in graph.links
        ],
        "truncated": graph.cut is not None,
        "cut": None if graph.cut is None else asdict(graph.cut),
    }
