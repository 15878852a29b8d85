"""Proofs, checkpoints and tiles: what a stranger needs to check us without trusting us."""

import base64
from typing import Annotated, Any, Final, Literal

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from chassis.api.preconditions import PUBLIC_CACHE, conditional
from chassis.api.problems import ProblemError
from chassis.api.routing import UnitOfWorkRoute, Work
from chassis.api.values import WholeNumber
from ledger.api.answers import PROBLEM
from ledger.api.blockchain import INDEX_MAX, answer, find_block
from ledger.api.dependencies import Wiring
from ledger.api.negotiation import asks_for_json
from ledger.api.shapes import CheckpointShape, ConsistencyShape, InclusionShape
from ledger.api.streaming import IMMUTABLE, packed_if_asked
from ledger.domain import tiles
from ledger.domain.block import format_timestamp
from ledger.domain.refusals import NotFoundError, NotYetCheckpointedError
from ledger.use_cases.prove import InclusionProof, prove_consistency, prove_inclusion
from ledger.use_cases.readings import ChainReading, StoredCheckpoint

router = APIRouter(prefix="/api/v1/blockchain", tags=["proofs"], route_class=UnitOfWorkRoute)
well_known = APIRouter(tags=["proofs"], route_class=UnitOfWorkRoute)

_NOT_YET: Final[dict[int | str, dict[str, Any]]] = {
    409: {"description": "Not under a signed checkpoint yet: come back after Retry-After.", "content": PROBLEM}
}
TEXT: Final = "text/plain; charset=utf-8"
BINARY: Final = "application/octet-stream"


class InclusionQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: Literal["json", "tlog-proof"] = "json"


class ConsistencyQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    from_: Annotated[WholeNumber, Field(alias="from", ge=1, le=INDEX_MAX)]
    to: Annotated[WholeNumber, Field(ge=1, le=INDEX_MAX)]


async def _latest(reader: ChainReading) -> StoredCheckpoint:
    latest = await reader.latest_checkpoint()
    if latest is None:
        raise _not_yet()
    return latest


def _not_yet() -> ProblemError:
    """A refusal with the header that tells when to come back."""
    refusal = NotYetCheckpointedError()
    headers = {"Retry-After": str(NotYetCheckpointedError.RETRY_AFTER_SECONDS)}
    return ProblemError(409, refusal.CODE, refusal.detail, headers=headers)


@router.get(
    "/checkpoint/",
    response_model=CheckpointShape,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **_NOT_YET},
)
async def read_checkpoint(request: Request, work: Work, wiring: Wiring) -> Response:
    """The signed note as text; as JSON when that is asked for."""
    latest = await _latest(wiring.chain(work))
    if not asks_for_json(request):
        return conditional(request, latest.note.encode(), media_type=TEXT)
    body = {
        "origin": wiring.settings.origin,
        "size": latest.size,
        "root": latest.root.hex(),
        "note": latest.note,
        "created_at": format_timestamp(latest.created_at),
    }
    return answer(request, body)


@router.get(
    "/proofs/inclusion/{block_hash}/",
    response_model=InclusionShape,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **_NOT_YET},
)
async def read_inclusion(
    request: Request, work: Work, wiring: Wiring, block_hash: str, query: Annotated[InclusionQuery, Query()]
) -> Response:
    """That the block is under the signed checkpoint; `format=tlog-proof` gives a file that is complete in itself."""
    reader = wiring.chain(work)
    block = await find_block(reader, block_hash)
    latest = await reader.latest_checkpoint()
    try:
        proof = await prove_inclusion(reader, block, None if latest is None else latest.note)
    except NotYetCheckpointedError as refusal:
        raise _not_yet() from refusal
    if query.format == "tlog-proof":
        return conditional(request, proof.as_file().encode(), media_type=TEXT)
    return _canonical_answer(request, _inclusion_body(proof))


def _canonical_answer(request: Request, body: dict[str, object], *, cache: str = PUBLIC_CACHE) -> Response:
    """A proof as JSON is canonical (RFC 8785): stored as it came, it is a file in which every byte counts."""
    return conditional(request, orjson.dumps(body, option=orjson.OPT_SORT_KEYS), cache=cache)


def _inclusion_body(proof: InclusionProof) -> dict[str, object]:
    return {
        "hash": proof.block.hash,
        "block_index": proof.block.block_index,
        "preimage_base64": base64.b64encode(proof.block.preimage).decode(),
        "leaf_hash": proof.leaf_hash.hex(),
        "tree_size": proof.tree_size,
        "root_hash": proof.root.hex(),
        "hashes": [each.hex() for each in proof.hashes],
        "checkpoint": proof.checkpoint,
    }


@router.get("/proofs/consistency/", response_model=ConsistencyShape, responses=_NOT_YET)
async def read_consistency(
    request: Request, work: Work, wiring: Wiring, query: Annotated[ConsistencyQuery, Query()]
) -> Response:
    """That the log of `to` blocks begins with the log of `from` blocks."""
    reader = wiring.chain(work)
    latest = await _latest(reader)
    hashes = await prove_consistency(reader, query.from_, query.to, checkpointed=latest.size)
    body = {"from": query.from_, "to": query.to, "hashes": [each.hex() for each in hashes]}
    # Both sizes are of complete nodes, which never change.
    return _canonical_answer(request, body, cache=IMMUTABLE)


@router.get(
    "/tiles/{path:path}",
    response_class=Response,
    responses={
        200: {
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
                "text/plain": {"schema": {"type": "string"}},
            }
        },
        **_NOT_YET,
    },
)
async def read_tile(request: Request, work: Work, wiring: Wiring, path: str) -> Response:
    """C2SP tlog-tiles: `checkpoint`, `tile/<L>/<N>[.p/<W>]`, `tile/entries/<N>[.p/<W>]`."""
    reader = wiring.chain(work)
    latest = await _latest(reader)
    name = path.removesuffix("/")
    if name == "checkpoint":
        return conditional(request, latest.note.encode(), media_type=TEXT)
    tile = tiles.parse_path(name)
    if not tile.within(latest.size):
        raise NotFoundError
    # A full tile never changes; a partial one is replaced by a wider one under another name.
    if tile.level is not None:
        content = tiles.encode_hashes(await reader.row_of_nodes(tile.node_level, tile.first, tile.width))
        return conditional(request, content, media_type=BINARY, cache=IMMUTABLE)
    bundle = tiles.encode_entries(await reader.preimages(tile.first, tile.width))
    return await packed_if_asked(request, bundle, media_type=BINARY, cache=IMMUTABLE)


@well_known.get(
    "/.well-known/impactnet-ledger.vkey",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def read_verifier_keys(request: Request, wiring: Wiring) -> Response:
    """The keys under which checkpoints verify, one a line, the newest first; old ones stay."""
    lines = "".join(f"{key.vkey}\n" for key in wiring.keys)
    return conditional(request, lines.encode(), media_type=TEXT)


@well_known.get(
    "/.well-known/impactnet-ledger.policy",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        404: {"description": "There is none.", "content": PROBLEM},
    },
)
async def read_witness_policy(request: Request, wiring: Wiring) -> Response:
    """The C2SP tlog-policy that checkpoints are published under: our witnesses and their quorum; 404 without one.

    A place to begin: whom to trust is for whoever verifies to decide.
    """
    if wiring.policy is None:
        raise NotFoundError
    return conditional(request, wiring.policy, media_type=TEXT)
