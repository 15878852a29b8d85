"""What a programme consists of, for admins: each list is replaced as a whole."""

from collections.abc import Sequence
from typing import Annotated, Protocol
from uuid import UUID

from fastapi import APIRouter, Depends, Response, status

from chassis.api.callers import AdminCaller
from chassis.api.preconditions import version_etag
from chassis.api.routing import UnitOfWorkRoute
from programs.api.answers import FormAnswer, ListAnswer, SeatAnswer
from programs.api.bodies import (
    BenefitsBody,
    CriteriaBody,
    ExecutiveBody,
    FormBody,
    QualificationsBody,
    RequirementsBody,
    TimelineBody,
)
from programs.api.dependencies import Precondition, RequestDesk, VersionPrecondition
from programs.domain.parts import Part, PartKind
from programs.use_cases.ports import Desk
from programs.use_cases.replace_form import replace_form
from programs.use_cases.replace_list import replace_list
from programs.use_cases.seat_executive import seat_executive
from programs.use_cases.unseat_executive import unseat_executive

router = APIRouter(prefix="/api/v1/programs", tags=["programs"], route_class=UnitOfWorkRoute)


class _Item(Protocol):
    @property
    def id(self) -> UUID | None: ...
    def to_part(self) -> Part: ...


class _ListRequest:
    """What replacing any of the lists takes besides its items."""

    def __init__(self, program_id: UUID, desk: Desk, precondition: VersionPrecondition, response: Response) -> None:
        self._program_id = program_id
        self._desk = desk
        self._precondition = precondition
        self._response = response

    async def replace(self, kind: PartKind, items: Sequence[_Item]) -> ListAnswer:
        program = await replace_list(
            self._desk,
            self._precondition,
            self._program_id,
            kind,
            items=[item.to_part() for item in items],
            sent_ids=[item.id for item in items],
        )
        self._response.headers["ETag"] = version_etag(program.version)
        return ListAnswer.of(program, kind)


async def _list_request(
    program_id: UUID, desk: RequestDesk, _: AdminCaller, precondition: Precondition, response: Response
) -> _ListRequest:
    return _ListRequest(program_id, desk, precondition, response)


ListRequest = Annotated[_ListRequest, Depends(_list_request)]


@router.put("/{program_id}/qualifications/")  # noqa: FAST003 -- ListRequest takes it
async def put_qualifications(body: QualificationsBody, request: ListRequest) -> ListAnswer:
    """Who may apply."""
    return await request.replace(PartKind.QUALIFICATIONS, body.items)


@router.put("/{program_id}/requirements/")  # noqa: FAST003 -- ListRequest takes it
async def put_requirements(body: RequirementsBody, request: ListRequest) -> ListAnswer:
    """The documents asked for."""
    return await request.replace(PartKind.REQUIREMENTS, body.items)


@router.put("/{program_id}/criteria/")  # noqa: FAST003 -- ListRequest takes it
async def put_criteria(body: CriteriaBody, request: ListRequest) -> ListAnswer:
    """What the board scores; 409 `criteria_frozen` once anyone has submitted."""
    return await request.replace(PartKind.CRITERIA, body.items)


@router.put("/{program_id}/benefits/")  # noqa: FAST003 -- ListRequest takes it
async def put_benefits(body: BenefitsBody, request: ListRequest) -> ListAnswer:
    """What comes with an award besides the money."""
    return await request.replace(PartKind.BENEFITS, body.items)


@router.put("/{program_id}/timeline/")  # noqa: FAST003 -- ListRequest takes it
async def put_timeline(body: TimelineBody, request: ListRequest) -> ListAnswer:
    """The phases, in order."""
    return await request.replace(PartKind.TIMELINE, body.items)


@router.put("/{program_id}/form/")
async def put_form(
    program_id: UUID,
    body: FormBody,
    desk: RequestDesk,
    _: AdminCaller,
    precondition: Precondition,
    response: Response,
) -> FormAnswer:
    """What applicants are asked, as JSON Schema."""
    program = await replace_form(desk, precondition, program_id, body.json_schema)
    response.headers["ETag"] = version_etag(program.version)
    return FormAnswer.model_validate({"schema": body.json_schema})


@router.post("/{program_id}/executives/{user_id}/", status_code=status.HTTP_201_CREATED)
async def seat(
    program_id: UUID,
    user_id: UUID,
    body: ExecutiveBody,
    desk: RequestDesk,
    _: AdminCaller,
    response: Response,
) -> SeatAnswer:
    """Give an executive a seat on the board; 409 `not_an_executive` for anybody else."""
    program, executive = await seat_executive(
        desk,
        program_id,
        user_id=user_id,
        display_name=body.display_name,
        title=body.title,
        is_chair=body.is_chair,
    )
    response.headers["ETag"] = version_etag(program.version)
    return SeatAnswer.of(executive)


@router.delete("/{program_id}/executives/{user_id}/", status_code=status.HTTP_204_NO_CONTENT)
async def unseat(
    program_id: UUID, user_id: UUID, desk: RequestDesk, _: AdminCaller, precondition: Precondition
) -> None:
    """Take someone off the board."""
    await unseat_executive(desk, precondition, program_id, user_id)
