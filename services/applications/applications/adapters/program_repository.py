"""The read model of programmes and boards in PostgreSQL."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Row

from applications.adapters.tables import applications, board_seats, programs
from applications.domain.program import Criterion, Program, Qualification, Requirement, Seat
from chassis.database import UnitOfWork


class ProgramRepository:
    """Keeps the promises of `use_cases.ports.Programs`."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._connection = work.connection

    async def find(self, program_id: UUID) -> Program | None:
        row = (await self._connection.execute(select(programs).where(programs.c.program_id == program_id))).first()
        return None if row is None else _program(row)

    async def find_seat(self, program_id: UUID, user_id: UUID) -> Seat | None:
        statement = select(board_seats).where(
            board_seats.c.program_id == program_id, board_seats.c.user_id == user_id, board_seats.c.left_at.is_(None)
        )
        row = (await self._connection.execute(statement)).first()
        return None if row is None else _seat(row)

    async def seats(self, program_id: UUID) -> list[Seat]:
        statement = select(board_seats).where(board_seats.c.program_id == program_id, board_seats.c.left_at.is_(None))
        return [_seat(row) for row in await self._connection.execute(statement.order_by(board_seats.c.executive_id))]

    async def keep_new(self, program_id: UUID, currency: str) -> None:
        statement = upsert(programs).values(program_id=program_id, status="draft", currency=currency, revision=0)
        await self._connection.execute(statement.on_conflict_do_nothing())

    async def keep_snapshot(
        self, program_id: UUID, status: str, currency: str, revision: int, snapshot: dict[str, Any]
    ) -> bool:
        values = {"status": status, "currency": currency, "revision": revision, "snapshot": snapshot}
        statement = upsert(programs).values(program_id=program_id, **values)
        statement = statement.on_conflict_do_update(
            index_elements=[programs.c.program_id],
            set_={**values, "updated_at": self._work.now},
            # A snapshot that was published again never overwrites a newer one.
            where=programs.c.revision <= revision,
        )
        kept = await self._connection.scalar(statement.returning(programs.c.program_id))
        return kept is not None

    async def set_status(self, program_id: UUID, status: str) -> None:
        statement = update(programs).where(programs.c.program_id == program_id)
        await self._connection.execute(statement.values(status=status, updated_at=self._work.now))

    async def forget(self, program_id: UUID) -> None:
        # Deleting is refused once anyone applied; someone who applied just then keeps a programme that is archived.
        applied = exists().where(applications.c.program_id == program_id)
        await self._connection.execute(delete(programs).where(programs.c.program_id == program_id, ~applied))
        await self.set_status(program_id, "archived")

    async def keep_board(self, program_id: UUID, board: Sequence[tuple[UUID, UUID, bool]]) -> None:
        present = [executive_id for executive_id, _, _ in board]
        statement = update(board_seats).where(
            board_seats.c.program_id == program_id,
            board_seats.c.left_at.is_(None),
            board_seats.c.executive_id.not_in(present),
        )
        await self._connection.execute(statement.values(left_at=self._work.now))
        for executive_id, user_id, is_chair in board:
            await self.add_seat(program_id, executive_id, user_id, is_chair=is_chair)

    async def add_seat(self, program_id: UUID, executive_id: UUID, user_id: UUID, *, is_chair: bool) -> None:
        same_person = update(board_seats).where(
            board_seats.c.program_id == program_id,
            board_seats.c.user_id == user_id,
            board_seats.c.executive_id != executive_id,
            board_seats.c.left_at.is_(None),
        )
        await self._connection.execute(same_person.values(left_at=self._work.now))
        statement = upsert(board_seats).values(
            executive_id=executive_id, program_id=program_id, user_id=user_id, is_chair=is_chair
        )
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[board_seats.c.executive_id], set_={"is_chair": is_chair, "left_at": None}
            )
        )

    async def remove_seat(self, executive_id: UUID) -> None:
        statement = update(board_seats).where(board_seats.c.executive_id == executive_id)
        await self._connection.execute(statement.values(left_at=self._work.now))


def _seat(row: Row[Any]) -> Seat:
    return Seat(row.executive_id, row.program_id, row.user_id, row.is_chair)


# Before the first snapshot a programme is a draft that nobody can apply to; its dates say so, too.
_UNKNOWN: Final[dict[str, Any]] = {
    "title": "",
    "open_date": "2999-12-31",
    "close_date": "1900-01-01",
    "time_zone": "Africa/Lagos",
    "award_min": "0",
    "award_max": "0",
    "review_quorum": 2,
    "form_json": None,
    "criteria": [],
    "requirements": [],
    "qualifications": [],
}


def _program(row: Row[Any]) -> Program:
    snapshot = row.snapshot or _UNKNOWN
    return Program(
        id=row.program_id,
        status=row.status,
        currency=row.currency,
        title=snapshot["title"],
        open_date=date.fromisoformat(snapshot["open_date"]),
        close_date=date.fromisoformat(snapshot["close_date"]),
        time_zone=snapshot["time_zone"],
        award_min=Decimal(snapshot["award_min"]),
        award_max=Decimal(snapshot["award_max"]),
        review_quorum=snapshot["review_quorum"],
        form=orjson.loads(snapshot["form_json"]) if snapshot["form_json"] else None,
        criteria=tuple(
            Criterion(
                UUID(item["criterion_id"]),
                item["name"],
                item["max_score"],
                Decimal(item["weight"]),
                item["description"],
            )
            for item in snapshot["criteria"]
        ),
        requirements=tuple(
            Requirement(UUID(item["requirement_id"]), item["name"], item["required"])
            for item in snapshot["requirements"]
        ),
        qualifications=tuple(
            Qualification(
                UUID(item["qualification_id"]),
                item["text"],
                orjson.loads(item["rule_json"]) if item["rule_json"] else None,
            )
            for item in snapshot["qualifications"]
        ),
    )
