"""Programmes and awards in PostgreSQL, as far as money is concerned."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Numeric, Uuid, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY

from chassis.database import UnitOfWork
from ledger.adapters.arrays import among
from ledger.adapters.tables.money import awards, programs, tranches
from ledger.adapters.write_behind import Row, WriteBehind
from ledger.domain.records import Award, Program, Tranche

_now = func.clock_timestamp()

_CHANGE_AWARDS: Final = text(
    "UPDATE awards SET paid = changed.paid, released = changed.released, updated_at = clock_timestamp()"
    " FROM unnest(:ids, :paid, :released) AS changed(award_id, paid, released)"
    " WHERE awards.award_id = changed.award_id"
).bindparams(
    bindparam("ids", type_=ARRAY(Uuid)),
    bindparam("paid", type_=ARRAY(Numeric)),
    bindparam("released", type_=ARRAY(Numeric)),
)


class PostgresPrograms:
    def __init__(self, work: UnitOfWork, pending: WriteBehind) -> None:
        self._work = work
        self._pending = pending
        self._known: dict[UUID, Program | None] = {}

    async def read(self, program_ids: Sequence[UUID]) -> None:
        missing = [each for each in dict.fromkeys(program_ids) if each not in self._known]
        if not missing:
            return
        statement = select(programs.c.program_id, programs.c.currency).where(among(programs.c.program_id, missing))
        self._known.update(dict.fromkeys(missing))
        for row in await self._work.connection.execute(statement):
            self._known[row.program_id] = Program(row.program_id, row.currency)

    def learn(self, program_ids: Sequence[UUID], currencies: Mapping[UUID, str]) -> None:
        """What was found of these, read with other things."""
        for each in program_ids:
            currency = currencies.get(each)
            self._known.setdefault(each, None if currency is None else Program(each, currency))

    async def find(self, program_id: UUID) -> Program | None:
        if program_id not in self._known:
            await self.read([program_id])
        return self._known[program_id]

    async def add(self, program: Program) -> None:
        self._known[program.program_id] = program
        self._pending.add(programs, {"program_id": program.program_id, "currency": program.currency})

    async def set_title(self, program_id: UUID, title: str, revision: int) -> None:
        await self._pending.flush()
        await self._work.connection.execute(
            update(programs)
            .where(programs.c.program_id == program_id, programs.c.revision <= revision)
            .values(title=title, revision=revision, updated_at=_now)
        )

    async def is_deleted(self, program_id: UUID) -> bool:
        statement = select(programs.c.program_id).where(
            programs.c.program_id == program_id, programs.c.deleted_at.is_not(None)
        )
        return await self._work.connection.scalar(statement) is not None

    async def delete(self, program_id: UUID) -> None:
        await self._pending.flush()
        await self._work.connection.execute(
            update(programs)
            .where(programs.c.program_id == program_id, programs.c.deleted_at.is_(None))
            .values(deleted_at=_now, updated_at=_now)
        )


class PostgresAwards:
    """Awards are locked when they are read, and read once in a unit of work."""

    def __init__(self, work: UnitOfWork, pending: WriteBehind) -> None:
        self._work = work
        self._pending = pending
        self._known: dict[UUID, Award | None] = {}
        self._new: dict[UUID, Row] = {}
        self._changed: set[UUID] = set()
        self._tranches: dict[UUID, dict[UUID, Decimal]] = {}
        pending.then(self._write_changes)

    async def read(self, award_ids: Sequence[UUID]) -> list[UUID]:
        """Those of them that there are."""
        await self._read([each for each in award_ids if each not in self._known])
        return [each for each in award_ids if self._known[each] is not None]

    async def _read(self, award_ids: Sequence[UUID]) -> None:
        missing = sorted(set(award_ids))
        if not missing:
            return
        connection = self._work.connection
        self._known.update(dict.fromkeys(missing))
        statement = (
            select(awards).where(among(awards.c.award_id, missing)).order_by(awards.c.award_id).with_for_update()
        )
        for row in await connection.execute(statement):
            self._known[row.award_id] = _award(row)
            self._tranches[row.award_id] = {}
        found = [each for each in missing if self._known[each] is not None]
        if found:
            for row in await connection.execute(select(tranches).where(among(tranches.c.award_id, found))):
                self._tranches[row.award_id][row.tranche_id] = row.amount

    async def find_locked(self, award_id: UUID) -> Award | None:
        if award_id not in self._known:
            await self.read([award_id])
        return self._known[award_id]

    async def add(self, award: Award, commitment_id: UUID, planned: Sequence[Tranche]) -> None:
        self._known[award.award_id] = award
        self._new[award.award_id] = self._pending.add(
            awards,
            {
                "award_id": award.award_id,
                "application_id": award.application_id,
                "program_id": award.program_id,
                "beneficiary_id": award.beneficiary_id,
                "user_id": award.user_id,
                "commitment_id": commitment_id,
                "amount": award.amount,
                "currency": award.currency,
            },
        )
        self._tranches[award.award_id] = {each.tranche_id: each.amount for each in planned}
        for each in planned:
            row = {"tranche_id": each.tranche_id, "award_id": award.award_id}
            self._pending.add(tranches, row | {"amount": each.amount, "due_on": each.due_on})

    async def find_tranche(self, award_id: UUID, tranche_id: UUID) -> Decimal | None:
        await self.read([award_id])
        return self._tranches.get(award_id, {}).get(tranche_id)

    async def change(self, award_id: UUID, *, paid: Decimal = Decimal(0), released: Decimal = Decimal(0)) -> None:
        award = await self.find_locked(award_id)
        if award is None:
            raise LookupError(f"award {award_id}")
        changed = award._replace(paid=award.paid + paid, released=award.released + released)
        self._known[award_id] = changed
        if award_id in self._new:
            self._new[award_id].update(paid=changed.paid, released=changed.released)
        else:
            self._changed.add(award_id)

    async def _write_changes(self) -> None:
        # What was new is in the table now: its next change is an update.
        self._new.clear()
        changed = [award for each in sorted(self._changed) if (award := self._known[each]) is not None]
        self._changed.clear()
        if changed:
            values = {
                "ids": [award.award_id for award in changed],
                "paid": [award.paid for award in changed],
                "released": [award.released for award in changed],
            }
            await self._work.connection.execute(_CHANGE_AWARDS, values)


def _award(row: Any) -> Award:
    return Award(
        row.award_id,
        row.application_id,
        row.program_id,
        row.beneficiary_id,
        row.user_id,
        row.amount,
        row.currency,
        row.paid,
        row.released,
    )
