"""Who was helped, as far as they want it to be known."""

from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field, StrictBool

from chassis.api.callers import AuthenticatedCaller, Caller, OptionalCaller, require_token
from chassis.api.pages import Page, PageQuery, encode_cursor
from chassis.api.preconditions import PUBLIC_CACHE, IfMatchHeader, conditional, version_etag
from chassis.api.routing import UnitOfWorkRoute, Work
from chassis.api.values import Answer, Body, ShortText, Text
from ledger.api.answers import PRIVATE, public_transaction_body
from ledger.api.dependencies import Wiring
from ledger.api.shapes import ImpactShape
from ledger.domain.money import format_amount
from ledger.domain.refusals import NotFoundError
from ledger.use_cases.readings import Beneficiaries, BeneficiaryPage

router = APIRouter(prefix="/api/v1/beneficiaries", tags=["beneficiaries"], route_class=UnitOfWorkRoute)

# As fresh as every public read (09-values); but a withdrawn consent shows at the next request, so caches ask first:
# `no-cache` goes before `max-age` for all who know it (RFC 9111 5.2.2.4).
REVALIDATE = f"{PUBLIC_CACHE}, no-cache"
# An award has a handful of tranches.
PAYMENTS_MAX = 100


class BeneficiariesQuery(PageQuery):
    program_id: UUID | None = None
    mine: bool = False


class BeneficiaryChanges(Body):
    story: Text | None = None
    display_name: ShortText | None = None
    location: ShortText | None = None
    # Consent is said in so many words: neither "yes" nor 1 is one, and null neither gives nor withdraws it.
    is_public: Annotated[StrictBool, Field(description="Whether it may be shown; as it was when left out.")] = False


class BeneficiaryAnswer(Answer):
    id: str
    program_id: str
    display_name: str | None
    story: str | None
    location: str | None
    amount_received: str
    currency: str
    is_public: bool
    joined_date: str
    completion_date: str | None


class OwnBeneficiaryAnswer(BeneficiaryAnswer):
    application_id: str
    user_id: str | None


def _fields(page: BeneficiaryPage) -> dict[str, Any]:
    return {
        "id": str(page.beneficiary_id),
        "program_id": str(page.program_id),
        "display_name": page.display_name,
        "story": page.story,
        "location": page.location,
        "amount_received": format_amount(page.amount_received, page.currency),
        "currency": page.currency,
        "is_public": page.is_public,
        "joined_date": page.joined_date.isoformat(),
        "completion_date": page.completion_date.isoformat() if page.completion_date else None,
    }


def _answer(page: BeneficiaryPage, caller: Caller | None) -> BaseModel:
    """The application and the person behind it are shown to that person and to admins only."""
    if caller is not None and (caller.is_admin or caller.user_id == page.user_id):
        user_id = None if page.user_id is None else str(page.user_id)
        return OwnBeneficiaryAnswer(**_fields(page), application_id=str(page.application_id), user_id=user_id)
    return BeneficiaryAnswer(**_fields(page))


def _etag(page: BeneficiaryPage) -> str:
    """Of the owner's representation, which is the one that is changed: what its facts complete is part of it."""
    if page.completion_date is None:
        return version_etag(page.version)
    return f'"v{page.version}-{page.completion_date}"'


async def _visible(shelf: Beneficiaries, caller: Caller | None, beneficiary_id: UUID) -> BeneficiaryPage:
    page = await shelf.find(beneficiary_id)
    own = page is not None and caller is not None and (caller.is_admin or caller.user_id == page.user_id)
    if page is None or not (page.is_public or own):
        raise NotFoundError
    return page


@router.get("/", response_model=Page[OwnBeneficiaryAnswer] | Page[BeneficiaryAnswer])
async def list_beneficiaries(
    request: Request,
    work: Work,
    wiring: Wiring,
    caller: OptionalCaller,
    query: Annotated[BeneficiariesQuery, Query()],
) -> Response:
    """Everyone who consented; with `mine`, my own, shown or not."""
    if query.mine:
        require_token(request)
    mine = caller.user_id if query.mine and caller is not None else None
    position = query.position(UUID)
    pages = await wiring.beneficiaries(work).page(
        after=position[0] if position else None, limit=query.limit, program_id=query.program_id, user_id=mine
    )
    shown = pages[: query.limit]
    body = {
        "items": [_answer(page, caller if query.mine else None).model_dump() for page in shown],
        "next_cursor": encode_cursor(shown[-1].beneficiary_id) if len(pages) > query.limit else None,
    }
    return conditional(request, orjson.dumps(body), cache=PRIVATE if query.mine else REVALIDATE)


@router.get("/{beneficiary_id}/", response_model=OwnBeneficiaryAnswer | BeneficiaryAnswer)
async def read_beneficiary(
    request: Request, work: Work, wiring: Wiring, caller: OptionalCaller, beneficiary_id: UUID
) -> Response:
    page = await _visible(wiring.beneficiaries(work), caller, beneficiary_id)
    shown = _answer(page, caller)
    etag = _etag(page) if isinstance(shown, OwnBeneficiaryAnswer) else None
    cache = REVALIDATE if caller is None else PRIVATE
    return conditional(request, shown.model_dump_json().encode(), etag=etag, cache=cache)


@router.get("/{beneficiary_id}/impact/", response_model=ImpactShape)
async def read_impact(
    request: Request, work: Work, wiring: Wiring, caller: OptionalCaller, beneficiary_id: UUID
) -> Response:
    """What reached this person, payment by payment, each with the hash that proves it."""
    page = await _visible(wiring.beneficiaries(work), caller, beneficiary_id)
    paid = await wiring.beneficiaries(work).payments_to(beneficiary_id, PAYMENTS_MAX)
    body = {
        "beneficiary_id": str(page.beneficiary_id),
        "program_id": str(page.program_id),
        "amount_received": format_amount(page.amount_received, page.currency),
        "currency": page.currency,
        "disbursements": [public_transaction_body(row) for row in paid[:PAYMENTS_MAX]],
        "truncated": len(paid) > PAYMENTS_MAX,
    }
    return conditional(request, orjson.dumps(body), cache=REVALIDATE if caller is None else PRIVATE)


@router.patch("/{beneficiary_id}/")
async def patch_beneficiary(  # noqa: PLR0917 -- FastAPI passes by name
    work: Work,
    wiring: Wiring,
    caller: AuthenticatedCaller,
    if_match: IfMatchHeader,
    beneficiary_id: UUID,
    body: BeneficiaryChanges,
    response: Response,
) -> OwnBeneficiaryAnswer:
    """My own story and consent; nobody else's, admins included."""
    shelf = wiring.beneficiaries(work)
    page = await shelf.find(beneficiary_id, lock=True)
    if page is None or page.user_id != caller.user_id:
        raise NotFoundError
    if_match.check(_etag(page))
    changed = await shelf.change(page, caller.user_id, body.model_dump(exclude_unset=True))
    response.headers["ETag"] = _etag(changed)
    return OwnBeneficiaryAnswer(
        **_fields(changed), application_id=str(changed.application_id), user_id=str(caller.user_id)
    )
