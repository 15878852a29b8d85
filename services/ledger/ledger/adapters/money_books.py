"""Programmes, awards and lots in PostgreSQL."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update

from chassis.database import UnitOfWork
from ledger.adapters.tables.money import award_lots, awards, lots, programs, tranches, transaction_links
from ledger.domain.lots import Allocation, Lot
from ledger.domain.records import Award, Donation, Program, Tranche

_now = func.clock_timestamp()


class PostgresPrograms:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def find(self, program_id: UUID) -> Program | None:
        statement = select(programs.c.program_id, programs.c.currency).where(programs.c.program_id == program_id)
        row = (await self._work.connection.execute(statement)).one_or_none()
        return None if row is None else Program(row.program_id, row.currency)

    async def add(self, program: Program) -> None:
        await self._work.connection.execute(
            insert(programs).values(program_id=program.program_id, currency=program.currency)
        )

    async def set_title(self, program_id: UUID, title: str, revision: int) -> None:
        await self._work.connection.execute(
            update(programs)
            .where(programs.c.program_id == program_id, programs.c.revision <= revision)
            .values(title=title, revision=revision, updated_at=_now)
        )


class PostgresAwards:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def find_locked(self, award_id: UUID) -> Award | None:
        statement = select(awards).where(awards.c.award_id == award_id).with_for_update()
        row = (await self._work.connection.execute(statement)).one_or_none()
        if row is None:
            return None
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

    async def add(self, award: Award, commitment_id: UUID, planned: Sequence[Tranche]) -> None:
        await self._work.connection.execute(
            insert(awards).values(
                award_id=award.award_id,
                application_id=award.application_id,
                program_id=award.program_id,
                beneficiary_id=award.beneficiary_id,
                user_id=award.user_id,
                commitment_id=commitment_id,
                amount=award.amount,
                currency=award.currency,
            )
        )
        rows = [
            {"tranche_id": each.tranche_id, "award_id": award.award_id, "amount": each.amount, "due_on": each.due_on}
            for each in planned
        ]
        await self._work.connection.execute(insert(tranches), rows)

    async def find_tranche(self, award_id: UUID, tranche_id: UUID) -> Decimal | None:
        amount: Decimal | None = await self._work.connection.scalar(
            select(tranches.c.amount).where(tranches.c.tranche_id == tranche_id, tranches.c.award_id == award_id)
        )
        return amount

    async def change(self, award_id: UUID, *, paid: Decimal = Decimal(0), released: Decimal = Decimal(0)) -> None:
        await self._work.connection.execute(
            update(awards)
            .where(awards.c.award_id == award_id)
            .values(paid=awards.c.paid + paid, released=awards.c.released + released, updated_at=_now)
        )


class PostgresLots:
    """Lots are always locked before they are taken from, in the order in which they came in."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def add(self, donation: Donation, received: int) -> None:
        await self._work.connection.execute(
            insert(lots).values(
                donation_id=donation.transaction_id,
                program_id=donation.program_id,
                currency=donation.currency,
                amount=donation.amount,
                earmark=donation.earmark,
                received=received,
            )
        )

    async def of_program_locked(self, program_id: UUID, currency: str) -> list[Lot]:
        statement = (
            select(lots)
            .where(lots.c.program_id == program_id, lots.c.currency == currency, lots.c.taken < lots.c.amount)
            .order_by(lots.c.received)
            .with_for_update()
        )
        rows = (await self._work.connection.execute(statement)).all()
        return [
            Lot(str(row.donation_id), row.received, row.amount - row.taken, row.earmark and str(row.earmark))
            for row in rows
        ]

    async def of_award_locked(self, award_id: UUID) -> list[Lot]:
        """What each lot still holds for this award; its earmark has served its purpose by now."""
        statement = (
            select(award_lots, lots.c.received)
            .join(lots, lots.c.donation_id == award_lots.c.donation_id)
            .where(award_lots.c.award_id == award_id)
            .order_by(lots.c.received)
            .with_for_update(of=award_lots)
        )
        rows = (await self._work.connection.execute(statement)).all()
        return [Lot(str(row.donation_id), row.received, row.amount - row.paid - row.released) for row in rows]

    async def reserve(self, award_id: UUID, allocations: Sequence[Allocation]) -> None:
        for each in allocations:
            await self._add_taken(each.lot_id, each.amount)
        rows = [{"award_id": award_id, "donation_id": UUID(each.lot_id), "amount": each.amount} for each in allocations]
        await self._work.connection.execute(insert(award_lots), rows)

    async def release(self, award_id: UUID, allocations: Sequence[Allocation]) -> None:
        for each in allocations:
            await self._change_share(award_id, each.lot_id, released=each.amount)
            await self._add_taken(each.lot_id, -each.amount)

    async def pay(self, award_id: UUID, disbursement_id: UUID, allocations: Sequence[Allocation]) -> None:
        for each in allocations:
            await self._change_share(award_id, each.lot_id, paid=each.amount)
        links = [
            {"from_transaction": UUID(each.lot_id), "to_transaction": disbursement_id, "amount": each.amount}
            for each in allocations
        ]
        await self._work.connection.execute(insert(transaction_links), links)

    async def give_back(self, award_id: UUID, disbursement_id: UUID) -> None:
        """The links back mirror those that paid: history stays, what a lot has given nets out."""
        statement = select(transaction_links).where(transaction_links.c.to_transaction == disbursement_id)
        paid = (await self._work.connection.execute(statement.order_by(transaction_links.c.id))).all()
        for link in paid:
            await self._change_share(award_id, str(link.from_transaction), paid=-link.amount)
        back: list[dict[str, Any]] = [
            {"from_transaction": disbursement_id, "to_transaction": link.from_transaction, "amount": link.amount}
            for link in paid
        ]
        await self._work.connection.execute(insert(transaction_links), back)

    async def left_of(self, donation_id: UUID) -> Decimal:
        left = await self._work.connection.scalar(
            select(lots.c.amount - lots.c.taken).where(lots.c.donation_id == donation_id)
        )
        return Decimal(left or 0)

    async def refund(self, donation_id: UUID, refund_id: UUID, amount: Decimal) -> None:
        """The check on `taken` refuses what was promised in the meantime."""
        await self._add_taken(str(donation_id), amount)
        await self._link(donation_id, refund_id, amount)

    async def take_back_refund(self, donation_id: UUID, refund_id: UUID, amount: Decimal) -> None:
        await self._add_taken(str(donation_id), -amount)
        await self._link(refund_id, donation_id, amount)

    async def _link(self, source: UUID, target: UUID, amount: Decimal) -> None:
        await self._work.connection.execute(
            insert(transaction_links).values(from_transaction=source, to_transaction=target, amount=amount)
        )

    async def _add_taken(self, donation_id: str, amount: Decimal) -> None:
        await self._work.connection.execute(
            update(lots)
            .where(lots.c.donation_id == UUID(donation_id))
            .values(taken=lots.c.taken + amount, updated_at=_now)
        )

    async def _change_share(
        self, award_id: UUID, donation_id: str, *, paid: Decimal = Decimal(0), released: Decimal = Decimal(0)
    ) -> None:
        await self._work.connection.execute(
            update(award_lots)
            .where(award_lots.c.award_id == award_id, award_lots.c.donation_id == UUID(donation_id))
            .values(paid=award_lots.c.paid + paid, released=award_lots.c.released + released, updated_at=_now)
        )
