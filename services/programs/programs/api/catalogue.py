"""Programmes for readers: the list, one whole programme, its board, its news."""

from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from chassis.api.callers import OptionalCaller
from chassis.api.pages import PageParameters, page_of
from chassis.api.preconditions import PUBLIC_CACHE, conditional, public_json, version_etag
from chassis.api.routing import UnitOfWorkRoute
from programs.api.answers import (
    BoardAnswer,
    CategoryAnswer,
    CategoryPage,
    ProgramAnswer,
    ProgramPage,
    ProgramSummary,
    UpdateAnswer,
    UpdatePage,
    board_of,
)
from programs.api.bodies import CatalogueQuery
from programs.api.dependencies import RequestDesk, get_visible, may_see_drafts
from programs.domain.program import Program
from programs.domain.search import Filters

router = APIRouter(prefix="/api/v1/programs", tags=["programs"], route_class=UnitOfWorkRoute)

# What an admin sees holds more than the public may: no shared cache keeps it, and each use is checked.
ADMIN_CACHE = "private, no-cache"


def _sort_value(program: Program, column: str) -> Any:
    """What a list in this order is sorted by: of the programme itself, or of what is written about it."""
    return program.created_at if column == "created_at" else getattr(program.details, column)


def _cache(*, to_admin: bool) -> str:
    return ADMIN_CACHE if to_admin else PUBLIC_CACHE


@router.get("/", response_model=ProgramPage)
async def list_programs(
    request: Request,
    query: Annotated[CatalogueQuery, Query()],
    desk: RequestDesk,
    caller: OptionalCaller,
) -> Response:
    """Programmes, the newest first unless sorted otherwise; drafts are shown to admins only."""
    to_admin = may_see_drafts(caller)
    filters = Filters(
        drafts_too=to_admin,
        status=query.status,
        category=query.category,
        words=query.q,
        currency=query.currency,
        open_on=query.open_on,
        min_award=None if query.min_award is None else Decimal(query.min_award),
        max_award=None if query.max_award is None else Decimal(query.max_award),
    )
    found = await desk.catalogue.programs(filters, sort=query.sort, after=query.after(), limit=query.limit)
    column = query.sort.removeprefix("-")
    page = page_of(
        found,
        query.limit,
        item=ProgramSummary.of_program,
        key=lambda program: (query.sort, _sort_value(program, column), program.id),
    )
    return conditional(request, ProgramPage(**page).model_dump_json().encode(), cache=_cache(to_admin=to_admin))


@router.get("/categories/", response_model=CategoryPage)
async def list_categories(request: Request, desk: RequestDesk) -> Response:
    """The categories of public programmes, with how many there are."""
    found = await desk.catalogue.categories()
    return public_json(request, CategoryPage(items=[CategoryAnswer.model_validate(item) for item in found]))


@router.get("/{program_id}/", response_model=ProgramAnswer)
async def read_program(request: Request, program_id: UUID, desk: RequestDesk, caller: OptionalCaller) -> Response:
    """The whole programme with its parts."""
    program = await get_visible(desk, program_id, caller)
    to_admin = may_see_drafts(caller)
    body = ProgramAnswer.of(program, to_admin=to_admin).model_dump_json().encode()
    return conditional(request, body, etag=version_etag(program.version), cache=_cache(to_admin=to_admin))


@router.get("/{program_id}/executives/", response_model=BoardAnswer)
async def read_board(request: Request, program_id: UUID, desk: RequestDesk, caller: OptionalCaller) -> Response:
    """The board: names and titles; who sits on a seat is shown to admins only."""
    program = await get_visible(desk, program_id, caller)
    to_admin = may_see_drafts(caller)
    body = BoardAnswer(items=board_of(program, to_admin=to_admin)).model_dump_json().encode()
    return conditional(request, body, etag=version_etag(program.version), cache=_cache(to_admin=to_admin))


@router.get("/{program_id}/updates/", response_model=UpdatePage)
async def list_updates(
    request: Request,
    program_id: UUID,
    query: PageParameters,
    desk: RequestDesk,
    caller: OptionalCaller,
) -> Response:
    """News of a programme, the newest first."""
    await get_visible(desk, program_id, caller)
    position = query.position(UUID)
    found = await desk.catalogue.updates(program_id, after=position[0] if position else None, limit=query.limit)
    page = page_of(found, query.limit, item=UpdateAnswer.model_validate, key=lambda update: (update.id,))
    return public_json(request, UpdatePage(**page))
