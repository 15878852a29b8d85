"""Programmes for admins: written, changed, published, closed, put away."""

from uuid import UUID

from fastapi import APIRouter, Response, status

from chassis.api.callers import AdminCaller
from chassis.api.preconditions import version_etag
from chassis.api.routing import UnitOfWorkRoute
from chassis.api.values import Empty
from chassis.ids import new_id
from programs.api.answers import ProgramAnswer, UpdateAnswer
from programs.api.bodies import ProgramBody, ProgramPatch, UpdateBody
from programs.api.dependencies import Precondition, RequestDesk
from programs.domain.program import Program
from programs.use_cases.archive_program import archive_program
from programs.use_cases.change_program import change_program
from programs.use_cases.close_program import close_program
from programs.use_cases.create_program import create_program
from programs.use_cases.delete_program import delete_program
from programs.use_cases.post_update import post_update
from programs.use_cases.publish_program import publish_program

router = APIRouter(prefix="/api/v1/programs", tags=["programs"], route_class=UnitOfWorkRoute)


def _answer(program: Program, response: Response) -> ProgramAnswer:
    response.headers["ETag"] = version_etag(program.version)
    return ProgramAnswer.of(program, to_admin=True)


@router.post("/", status_code=status.HTTP_201_CREATED)
async def create(body: ProgramBody, desk: RequestDesk, caller: AdminCaller, response: Response) -> ProgramAnswer:
    """A new programme, as a draft."""
    program_id = new_id()
    program = await create_program(desk, program_id=program_id, details=body.to_details(), created_by=caller.user_id)
    response.headers["Location"] = f"/api/v1/programs/{program_id}/"
    return _answer(program, response)


@router.patch("/{program_id}/")
async def change(
    program_id: UUID,
    body: ProgramPatch,
    desk: RequestDesk,
    _: AdminCaller,
    precondition: Precondition,
    response: Response,
) -> ProgramAnswer:
    """Change some fields; a programme that is public must stay fit to be."""
    return _answer(await change_program(desk, precondition, program_id, body.to_changes()), response)


@router.delete("/{program_id}/", status_code=status.HTTP_204_NO_CONTENT)
async def delete(program_id: UUID, desk: RequestDesk, _: AdminCaller, precondition: Precondition) -> None:
    """Take a programme back; 409 once anyone has applied or given: archive it instead."""
    await delete_program(desk, precondition, program_id)


@router.post("/{program_id}/publish/")
async def publish(
    program_id: UUID,
    _body: Empty,
    desk: RequestDesk,
    _: AdminCaller,
    precondition: Precondition,
    response: Response,
) -> ProgramAnswer:
    """Draft -> open; 409 with `errors` naming all that is missing."""
    return _answer(await publish_program(desk, precondition, program_id), response)


@router.post("/{program_id}/close/")
async def close(
    program_id: UUID,
    _body: Empty,
    desk: RequestDesk,
    _: AdminCaller,
    precondition: Precondition,
    response: Response,
) -> ProgramAnswer:
    """Open -> closed."""
    return _answer(await close_program(desk, precondition, program_id), response)


@router.post("/{program_id}/archive/")
async def archive(
    program_id: UUID,
    _body: Empty,
    desk: RequestDesk,
    _: AdminCaller,
    precondition: Precondition,
    response: Response,
) -> ProgramAnswer:
    """Open or closed -> archived."""
    return _answer(await archive_program(desk, precondition, program_id), response)


@router.post("/{program_id}/updates/", status_code=status.HTTP_201_CREATED)
async def publish_update(program_id: UUID, body: UpdateBody, desk: RequestDesk, caller: AdminCaller) -> UpdateAnswer:
    """Tell the public how it is going."""
    return UpdateAnswer.model_validate(
        await post_update(desk, program_id, author_id=caller.user_id, title=body.title, body=body.body)
    )
