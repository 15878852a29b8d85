"""Bank statements and what they are compared with, for admins: money's evidence, so nothing here is public."""

import asyncio
from datetime import date
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chassis.api.callers import AdminCaller, require_admin
from chassis.api.pages import Page, PageQuery, encode_cursor
from chassis.api.preconditions import conditional
from chassis.api.problems import ProblemError
from chassis.api.routing import OwnWorkRoute, StrictRequest, UnitOfWorkRoute, Work, requires_idempotency_key
from chassis.api.values import Answer, Reason, SaneDate, WholeNumber
from chassis.refusals import NotFoundError
from ledger.api.answers import NOT_KEPT, PRIVATE
from ledger.api.blockchain import INDEX_MAX
from ledger.api.dependencies import LedgerWiring, Wiring
from ledger.domain.bank_accounts import bank_day
from ledger.domain.bank_statements import STATEMENT_BYTES_MAX
from ledger.domain.block import format_timestamp
from ledger.domain.money import format_amount
from ledger.domain.reconciliation_report import report_body
from ledger.use_cases.import_statement import import_statement, withdraw_statement
from ledger.use_cases.statement_ports import FileView, LineView, ReadFile, ReadingOptions, StatementView

_PREFIX: Final = "/api/v1/transactions/reconciliation"
FORMATS: Final = {"text/csv": "csv", "application/x-mt940": "mt940"}
_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in FORMATS},
    }
}


class ImportQuery(BaseModel):
    """About a CSV file; an MT940 file says it all itself."""

    model_config = ConfigDict(extra="forbid")

    mapping: Annotated[str | None, Field(max_length=50, description="Which mapping reads the columns.")] = None
    account: Annotated[str | None, Field(max_length=50, description="Which account of ours it is about.")] = None
    covers_from: Annotated[SaneDate | None, Field(description="First day it covers; else its first line's.")] = None
    covers_to: Annotated[SaneDate | None, Field(description="Last day it covers; else its last line's.")] = None


class ReportQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    date: SaneDate
    height: Annotated[
        WholeNumber | None, Field(ge=1, le=INDEX_MAX, description="Pins it to the first so many blocks.")
    ] = None
    format: Literal["json", "pdf", "csv"] = "json"


class StatementRoute(UnitOfWorkRoute):
    """Reads the file before a connection is taken and in a thread: a large one takes seconds."""

    body_bytes_max = STATEMENT_BYTES_MAX

    async def prepare(self, request: StrictRequest) -> None:
        if not self.path.endswith("/statements/") or request.method != "POST":
            return
        caller = await require_admin(request)
        now = request.app.state.database.clock.now()
        caller.require_step_up(now)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in FORMATS:
            raise ProblemError(415, "unsupported_media_type", f"Send the statement as {' or '.join(FORMATS)}.")
        try:
            query = ImportQuery.model_validate(dict(request.query_params))
        except ValidationError:
            return  # answered with 422 like any other query, before the handler is called
        wiring: LedgerWiring = request.app.state.wiring
        request.state.read_file = await asyncio.to_thread(
            wiring.reconciliation.reader.read,
            await request.body(),
            FORMATS[kind],
            ReadingOptions(query.mapping, query.account, query.covers_from, query.covers_to),
            today=bank_day(now),
        )


async def _read_file(request: Request, query: Annotated[ImportQuery, Query()]) -> ReadFile:
    """What `StatementRoute` read; by now the query is known to be right."""
    del query
    read: ReadFile = request.state.read_file
    return read


StatementFile = Annotated[ReadFile, Depends(_read_file)]

router = APIRouter(prefix=_PREFIX, tags=["reconciliation"], route_class=StatementRoute)
reports = APIRouter(prefix=_PREFIX, tags=["reconciliation"], route_class=OwnWorkRoute)


class StatementAnswer(Answer):
    account: str
    currency: str
    statement_number: str | None
    covers_from: date
    covers_to: date
    opening: str | None
    closing: str | None
    lines: int


class FileAnswer(Answer):
    id: str
    number: int
    sha256: str
    format: str
    mapping: str | None
    size_bytes: int
    lines: int
    new_lines: Annotated[int, Field(description="Lines that no file before this one had.")]
    imported_by: str | None
    imported_at: str
    withdrawn_at: str | None
    withdrawn_by: str | None
    reason: str | None
    statements: list[StatementAnswer]


class ImportAnswer(FileAnswer):
    imported: Annotated[bool, Field(description="False: these bytes are here already, and nothing was changed.")]


class LineAnswer(Answer):
    statement: int
    file_row: int
    account: str
    entry_date: date
    value_date: date
    amount: str
    currency: str
    is_reversal: bool
    bank_reference: str | None
    description: Annotated[str | None, Field(description="As the bank wrote it; null after its retention.")]
    transaction_id: Annotated[str | None, Field(description="The payment that the text names.")]
    match: Literal["matched", "different"] | None
    block_index: int | None


def _statement_answer(view: StatementView) -> StatementAnswer:
    return StatementAnswer(
        account=view.account,
        currency=view.currency,
        statement_number=view.statement_number,
        covers_from=view.covers_from,
        covers_to=view.covers_to,
        opening=None if view.opening is None else format_amount(view.opening, view.currency),
        closing=None if view.closing is None else format_amount(view.closing, view.currency),
        lines=view.line_count,
    )


def _file_values(view: FileView) -> dict[str, Any]:
    return {
        "id": str(view.file_id),
        "number": view.number,
        "sha256": view.sha256,
        "format": view.format,
        "mapping": view.mapping,
        "size_bytes": view.size_bytes,
        "lines": view.line_count,
        "new_lines": view.new_lines,
        "imported_by": None if view.imported_by is None else str(view.imported_by),
        "imported_at": format_timestamp(view.imported_at),
        "withdrawn_at": None if view.withdrawn_at is None else format_timestamp(view.withdrawn_at),
        "withdrawn_by": None if view.withdrawn_by is None else str(view.withdrawn_by),
        "reason": view.withdrawn_because,
        "statements": [_statement_answer(statement) for statement in view.statements],
    }


def _line_answer(view: LineView) -> LineAnswer:
    return LineAnswer(
        statement=view.ordinal + 1,
        file_row=view.file_row,
        account=view.account,
        entry_date=view.entry_date,
        value_date=view.value_date,
        amount=format_amount(view.amount, view.currency),
        currency=view.currency,
        is_reversal=view.is_reversal,
        bank_reference=view.bank_reference,
        description=view.text,
        transaction_id=None if view.payment_id is None else str(view.payment_id),
        match=view.match_kind,
        block_index=view.match_block,
    )


@router.post(
    "/statements/",
    status_code=201,
    responses={200: {"description": "It is here already, and nothing was changed.", "model": ImportAnswer}},
    openapi_extra=_BODY,
)
@requires_idempotency_key
async def post_statement(
    work: Work, wiring: Wiring, caller: AdminCaller, read: StatementFile, response: Response
) -> ImportAnswer:
    """Takes a bank statement in, whole or not at all; 200 and `imported: false` when it is here already."""
    view, is_new = await import_statement(wiring.reconciliation.statements(work), read, caller.user_id)
    if not is_new:
        response.status_code = 200
    return ImportAnswer(imported=is_new, **_file_values(view))


@router.get("/statements/")
async def list_statements(
    work: Work, wiring: Wiring, caller: AdminCaller, query: Annotated[PageQuery, Query()]
) -> Page[FileAnswer]:
    """The newest first."""
    del caller
    position = query.position(int)
    before = None if position is None else min(max(position[0], 0), INDEX_MAX)
    files = await wiring.reconciliation.statements(work).page(before=before, limit=query.limit)
    shown = files[: query.limit]
    following = encode_cursor(shown[-1].number) if len(files) > query.limit else None
    return Page(items=[FileAnswer(**_file_values(view)) for view in shown], next_cursor=following)


@router.get("/statements/{file_id}/", response_model=FileAnswer)
async def read_statement(request: Request, work: Work, wiring: Wiring, caller: AdminCaller, file_id: UUID) -> Response:
    del caller
    view = await wiring.reconciliation.statements(work).find(file_id)
    if view is None:
        raise NotFoundError
    return conditional(request, FileAnswer(**_file_values(view)).model_dump_json().encode(), cache=PRIVATE)


@router.get("/statements/{file_id}/lines/")
async def list_lines(  # noqa: PLR0917 -- FastAPI passes by name
    work: Work,
    wiring: Wiring,
    caller: AdminCaller,
    file_id: UUID,
    query: Annotated[PageQuery, Query()],
    response: Response,
) -> Page[LineAnswer]:
    """In the order of the file, with what the bank wrote and the block that each was matched with."""
    del caller
    response.headers["Cache-Control"] = NOT_KEPT
    shelf = wiring.reconciliation.statements(work)
    if await shelf.find(file_id) is None:
        raise NotFoundError
    position = query.position(int, int)
    # Larger than any place in a file, and still within the database's integer.
    bounded = None if position is None else tuple(min(max(place, -1), 2**31 - 1) for place in position)
    lines = await shelf.lines(file_id, after=None if bounded is None else (bounded[0], bounded[1]), limit=query.limit)
    shown = lines[: query.limit]
    following = encode_cursor(shown[-1].ordinal, shown[-1].position) if len(lines) > query.limit else None
    return Page(items=[_line_answer(view) for view in shown], next_cursor=following)


@router.post("/statements/{file_id}/withdraw/")
@requires_idempotency_key
async def post_withdrawal(work: Work, wiring: Wiring, caller: AdminCaller, file_id: UUID, body: Reason) -> FileAnswer:
    """Another admin says that a file was imported by mistake: it stays on record, and counts no longer."""
    caller.require_step_up(work.now)
    view = await withdraw_statement(
        wiring.reconciliation.statements(work), file_id, reason=body.reason, withdrawn_by=caller.user_id
    )
    return FileAnswer(**_file_values(view))


@reports.get(
    "/report/",
    responses={
        200: {
            "content": {
                "application/json": {"schema": {"type": "object"}},
                "application/pdf": {"schema": {"type": "string", "contentMediaType": "application/pdf"}},
                "text/csv": {"schema": {"type": "string"}},
            }
        }
    },
)
async def read_report(
    request: Request, wiring: Wiring, caller: AdminCaller, query: Annotated[ReportQuery, Query()]
) -> Response:
    """A day's reconciliation, to be signed; pinned to a height, the same statements give the same bytes."""
    del caller
    report = await wiring.reconciliation.reconciliations.report(query.date, query.height)
    name = f"impactnet-reconciliation-{query.date.isoformat()}-{report.height}"
    if query.format == "json":
        return conditional(request, orjson.dumps(report_body(report)), cache="private")
    render = wiring.reconciliation.renderer.pdf if query.format == "pdf" else wiring.reconciliation.renderer.csv
    media_type = "application/pdf" if query.format == "pdf" else "text/csv; charset=utf-8"
    found = conditional(request, await asyncio.to_thread(render, report), media_type=media_type, cache="private")
    found.headers["Content-Disposition"] = f'attachment; filename="{name}.{query.format}"'
    return found
