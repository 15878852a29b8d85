"""Statistics, and what an auditor asks first; both cost the same at every height."""

from decimal import Decimal
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict

from chassis.api.routing import UnitOfWorkRoute, Work
from ledger.api.blockchain import answer
from ledger.api.dependencies import Wiring
from ledger.api.shapes import IntegrityShape, StatsShape
from ledger.domain.block import format_timestamp
from ledger.domain.money import format_amount
from ledger.use_cases.reading_ports import ProgramBalance, PublicReading, Sums
from ledger.use_cases.readings import HeadState, StoredCheckpoint
from ledger.use_cases.verification_ports import StandingFailure

router = APIRouter(prefix="/api/v1/blockchain", tags=["blockchain"], route_class=UnitOfWorkRoute)

# Entries behind the last verification are summed on the spot, this many blocks at most: verification is seconds behind.
SUMMED_BLOCKS_MAX: Final = 10_000
# Programmes of one answer; a single one can be asked for.
PROGRAMS_MAX: Final = 1000


class IntegrityQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    program_id: UUID | None = None


@router.get("/stats/", response_model=StatsShape)
async def read_stats(request: Request, work: Work, wiring: Wiring) -> Response:
    chain, public = wiring.chain(work), wiring.public(work)
    await public.snapshot()
    head, latest, sums = await chain.head(), await chain.latest_checkpoint(), await public.sums()
    body = {
        "height": head.size,
        "blocks": dict(sums.blocks),
        "totals": {
            currency: {name: format_amount(amount, currency) for name, amount in totals.items()}
            for currency, totals in sums.totals.items()
        },
        "programs": sums.programs,
        "beneficiaries": sums.beneficiaries,
        "last_block_at": format_timestamp(head.tip_at),
        "checkpoint": None if latest is None else {"size": latest.size, "root": latest.root.hex()},
    }
    return answer(request, body)


@router.get("/integrity/", response_model=IntegrityShape)
async def read_integrity(
    request: Request, work: Work, wiring: Wiring, query: Annotated[IntegrityQuery, Query()]
) -> Response:
    """What an auditor asks first."""
    chain, public = wiring.chain(work), wiring.public(work)
    await public.snapshot()
    head, last, latest = await chain.head(), await chain.last_verification(), await chain.latest_checkpoint()
    sums, attention = await public.sums(), await public.attention()
    balances = await public.program_balances(query.program_id, PROGRAMS_MAX)
    verified = 0 if last is None else last.to_index + 1
    summed = min(head.size, verified + SUMMED_BLOCKS_MAX)
    failure = await wiring.verifications(work).standing_failure()
    # What follows a broken block is no longer verified, whatever was said of it before.
    height = verified if failure is None or failure.block_index is None else min(verified, failure.block_index)
    body = {
        "height": head.size,
        "unbalanced_entries": await public.unbalanced_entries(verified, summed),
        "balanced_through_height": summed,
        "unreconciled_payments": attention.unreconciled_payments,
        "disputed_payments": attention.disputed_payments,
        "quarantined_events": attention.quarantined_events,
        "exceptions": sums.blocks.get("exception", 0),
        "last_verified_height": height,
        "last_verified_at": None if last is None else format_timestamp(last.verified_at),
        "standing_failure": _failure(failure),
        "last_checkpoint": None if latest is None else await _checkpoint(public, head, latest),
        "books": {currency: _books(sums, currency) for currency in sums.totals},
        "programs": [_program(balance) for balance in balances[:PROGRAMS_MAX]],
        "programs_truncated": len(balances) > PROGRAMS_MAX,
    }
    return answer(request, body)


def _failure(failure: StandingFailure | None) -> dict[str, Any] | None:
    if failure is None:
        return None
    found_at = format_timestamp(failure.found_at)
    return {"block_index": failure.block_index, "failure": failure.failure, "found_at": found_at}


async def _checkpoint(public: PublicReading, head: HeadState, latest: StoredCheckpoint) -> dict[str, Any]:
    return {
        "size": latest.size,
        "root": latest.root.hex(),
        "created_at": format_timestamp(latest.created_at),
        "unsigned_blocks": head.size - latest.size,
        "cosignatures": [
            {"witness": witness, "cosigned_at": format_timestamp(at)}
            for witness, at in await public.cosignatures(latest.size)
        ],
    }


def _books(sums: Sums, currency: str) -> dict[str, str]:
    """What the blocks say came in and went out, beside what the postings say is there: both have to meet."""
    totals, accounts = sums.totals[currency], sums.accounts[currency]
    amounts: dict[str, Decimal] = {
        "received": totals["received"],
        "refunded": totals["refunded"],
        "disbursed": totals["disbursed"],
        "available": accounts["available"],
        "committed": accounts["committed"],
        "in_transit": accounts["bank"],
    }
    amounts["difference"] = amounts["received"] - sum(
        (amount for name, amount in amounts.items() if name != "received"), Decimal(0)
    )
    return {name: format_amount(amount, currency) for name, amount in amounts.items()}


def _program(balance: ProgramBalance) -> dict[str, str]:
    return {
        "program_id": str(balance.program_id),
        "currency": balance.currency,
        "available": format_amount(balance.available, balance.currency),
        "committed": format_amount(balance.committed, balance.currency),
    }
