"""The chain for everybody: blocks, verification, graph, statistics, integrity, traces."""

import re
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from chassis.api.pages import PageQuery, encode_cursor
from chassis.api.preconditions import conditional
from chassis.api.routing import UnitOfWorkRoute, Work
from chassis.api.values import WholeNumber
from ledger.api.answers import block_body, graph_body, public_transaction_body, verdict_body
from ledger.api.dependencies import LedgerWiring, Wiring
from ledger.api.shapes import BlockShape, ChainShape, GraphShape, VerdictShape
from ledger.domain.refusals import NotFoundError
from ledger.domain.verification import StoredBlock
from ledger.use_cases.reading_ports import PublicReading
from ledger.use_cases.readings import ChainReading
from ledger.use_cases.verify_block import verify_block

router = APIRouter(prefix="/api/v1/blockchain", tags=["blockchain"], route_class=UnitOfWorkRoute)

_HASH: Final = re.compile("[0-9a-f]{64}")
INDEX_MAX: Final = 2**63 - 1  # the database's bigint
# Rounds of payments and the donations behind them; far more than one answer has room for.
DEPTH_MAX: Final = 10


class ChainQuery(PageQuery):
    from_index: Annotated[WholeNumber, Field(ge=0, le=INDEX_MAX)] = 0


class GraphQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    program_id: UUID | None = None
    depth: Annotated[
        WholeNumber,
        Field(
            ge=1,
            le=DEPTH_MAX,
            description="1: the newest payments with the donations behind them. Each further one adds the other"
            " payments of the donations seen so far.",
        ),
    ] = 1


class TraceQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    direction: Literal["forward", "backward"] | None = None


async def find_block(reader: ChainReading, block_hash: str) -> StoredBlock:
    """The block; what is not a hash at all is answered like one that nobody knows."""
    block = await reader.find_by_hash(block_hash) if _HASH.fullmatch(block_hash) else None
    if block is None:
        raise NotFoundError
    return block


async def verdict_of(reader: ChainReading, block: StoredBlock, wiring: LedgerWiring) -> dict[str, Any]:
    latest = await reader.latest_checkpoint()
    note = None if latest is None else latest.note
    verdict = await verify_block(reader, block, note, keys=wiring.keys, origin=wiring.settings.origin)
    verified = await reader.verified(block.block_index, block.block_index + 1)
    return verdict_body(verdict, verified.get(block.block_index))


def answer(request: Request, body: Any) -> Response:
    return conditional(request, orjson.dumps(body))


@router.get("/chain/", response_model=ChainShape)
async def read_chain(request: Request, work: Work, wiring: Wiring, query: Annotated[ChainQuery, Query()]) -> Response:
    """Blocks in order, from `from_index` on."""
    position = query.position(int)
    start = query.from_index if position is None else max(0, min(position[0], INDEX_MAX))
    reader = wiring.chain(work)
    found = await reader.range(start, min(start + query.limit + 1, INDEX_MAX))
    shown = found[: query.limit]
    verified = await reader.verified(shown[0].block_index, shown[-1].block_index + 1) if shown else {}
    following = encode_cursor(found[-1].block_index) if len(found) > query.limit else None
    items = [block_body(block, verified.get(block.block_index)) for block in shown]
    return answer(request, {"items": items, "next_cursor": following})


@router.get("/blocks/{index}/", response_model=BlockShape)
async def read_block(request: Request, work: Work, wiring: Wiring, index: WholeNumber) -> Response:
    reader = wiring.chain(work)
    block = await reader.find_by_index(index) if 0 <= index <= INDEX_MAX else None
    if block is None:
        raise NotFoundError
    verified = await reader.verified(index, index + 1)
    return answer(request, block_body(block, verified.get(index)))


@router.get("/verify/{block_hash}/", response_model=VerdictShape)
async def verify(request: Request, work: Work, wiring: Wiring, block_hash: str) -> Response:
    """What was checked, one by one, and the first thing that failed."""
    await wiring.public(work).snapshot()
    reader = wiring.chain(work)
    return answer(request, await verdict_of(reader, await find_block(reader, block_hash), wiring))


@router.get("/graph/", response_model=GraphShape)
async def read_graph(request: Request, work: Work, wiring: Wiring, query: Annotated[GraphQuery, Query()]) -> Response:
    """Which donation paid which disbursement, for D3; bounded, and says so when something was cut."""
    await wiring.public(work).snapshot()
    return answer(request, graph_body(await wiring.money(work).graph(query.program_id, query.depth)))


@router.get("/trace/{transaction_id}/", response_model=GraphShape)
async def trace(
    request: Request, work: Work, wiring: Wiring, transaction_id: UUID, query: Annotated[TraceQuery, Query()]
) -> Response:
    """Where a donation went (`forward`), or which donations paid (`backward`); by default, whichever fits.

    What failed, came back or was released is netted out: it leads nowhere.
    """
    public = wiring.public(work)
    await public.snapshot()
    found = await public.find_booked(transaction_id)
    if found is None:
        raise NotFoundError
    forward = found.transaction_type == "donation" if query.direction is None else query.direction == "forward"
    return answer(request, graph_body(await wiring.money(work).trace(found, forward=forward)))


async def transaction_of_block(reader: PublicReading, block: StoredBlock) -> dict[str, Any] | None:
    """The public side of the transaction that a block belongs to, if it is about one."""
    references = []
    for name in (block.transaction_id.partition(":")[0], block.data.get("transaction_id")):
        try:
            references.append(UUID(str(name)))
        except ValueError:
            continue
    row = await reader.find_behind(block.hash, references)
    return None if row is None else public_transaction_body(row)
