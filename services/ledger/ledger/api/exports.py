"""The chain as files for everybody: movements of money, awards in the 360Giving standard, and the blocks themselves."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from chassis.api.routing import OwnWorkRoute
from chassis.api.values import WholeNumber
from chassis.refusals import FieldRefusalError
from ledger.api.blockchain import INDEX_MAX
from ledger.api.dependencies import Wiring
from ledger.api.streaming import pinned_stream
from ledger.domain import exports
from ledger.domain.refusals import BeyondTipError
from ledger.use_cases.export_chain import export_csv, export_grants, export_preimages
from ledger.use_cases.reading_ports import ExportSource

router = APIRouter(tags=["exports"], route_class=OwnWorkRoute)


class ExportQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    height: Annotated[
        WholeNumber | None,
        Field(ge=1, le=INDEX_MAX, description="The first so many blocks; all there are when left out."),
    ] = None


@dataclass(frozen=True, slots=True)
class _Format:
    name: str
    version: int
    suffix: str
    media_type: str
    write: Callable[[ExportSource, int], AsyncIterator[bytes]]


_CSV: Final = _Format("csv", exports.CSV_VERSION, "csv", "text/csv; charset=utf-8; header=present", export_csv)
_GRANTS: Final = _Format("360giving", exports.GRANTS_VERSION, "360giving.json", "application/json", export_grants)
_PREIMAGES: Final = _Format(
    "preimages", exports.PREIMAGES_VERSION, "preimages.jsonl", "application/jsonl", export_preimages
)


def _documented(kind: _Format) -> dict[int | str, dict[str, Any]]:
    schema = {"type": "object"} if kind is _GRANTS else {"type": "string"}
    return {
        200: {
            "description": "The file; `Content-Location` names the URL that always gives these bytes.",
            "content": {kind.media_type.partition(";")[0]: {"schema": schema}},
        },
        304: {"description": "You have it."},
    }


async def _answer(request: Request, wiring: Wiring, query: ExportQuery, kind: _Format) -> Response:
    source = wiring.exports
    tip = await source.height()
    height = tip if query.height is None else query.height
    if height > tip:
        raise FieldRefusalError([("height", BeyondTipError.CODE, f"the chain has {tip} blocks")])
    last = sha256(await source.preimage(height - 1)).hexdigest()
    return pinned_stream(
        request,
        lambda: kind.write(source, height),
        tag=f"{kind.name}-{kind.version}-{height}-{last[:16]}",
        height=height,
        filename=f"impactnet-{height}.{kind.suffix}",
        media_type=kind.media_type,
    )


def _add(path: str, kind: _Format, summary: str) -> None:
    async def read_export(request: Request, wiring: Wiring, query: Annotated[ExportQuery, Query()]) -> Response:
        return await _answer(request, wiring, query, kind)

    read_export.__doc__ = summary
    for method in ("GET", "HEAD"):
        router.add_api_route(
            path,
            read_export,
            methods=[method],
            name=f"{method.lower()}_export_{kind.name}",
            response_class=Response,
            responses=_documented(kind) if method == "GET" else {304: {"description": "You have it."}},
        )


_add("/api/v1/transactions/export.csv", _CSV, "Every movement of money in the first blocks, a line each.")
_add(
    "/api/v1/transactions/export.360giving.json",
    _GRANTS,
    "Every award of the first blocks, as a package of the 360Giving Data Standard. Nothing personal is in it.",
)
_add(
    "/api/v1/blockchain/export.preimages.jsonl",
    _PREIMAGES,
    "The exact bytes of the first blocks, a line each: what `impactnet-verify audit` checks against a checkpoint.",
)
