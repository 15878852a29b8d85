"""Beneficiaries and what they chose to show of themselves."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, case, func, insert, select, update

from chassis.database import UnitOfWork
from chassis.ids import new_id
from chassis.personal_data import Vault
from ledger.adapters.held_payments import disbursed_ids, disbursements
from ledger.adapters.people_books import PAGE_PURPOSE
from ledger.adapters.tables.money import awards, transactions
from ledger.adapters.tables.people import beneficiaries, beneficiary_consents
from ledger.adapters.transaction_reading import view_of
from ledger.use_cases.readings import BeneficiaryPage, TransactionView

# The wording of what is consented to; a new wording asks anew.
CONSENT_VERSION = "1"


class BeneficiaryShelf:
    def __init__(self, work: UnitOfWork, vault: Vault) -> None:
        self._work = work
        self._vault = vault

    async def find(self, beneficiary_id: UUID, *, lock: bool = False) -> BeneficiaryPage | None:
        statement = _with_completion().where(beneficiaries.c.beneficiary_id == beneficiary_id)
        if lock:
            statement = statement.with_for_update(of=beneficiaries)
        opened = await self._open((await self._work.connection.execute(statement)).all())
        return opened[0] if opened else None

    async def page(
        self, *, after: UUID | None, limit: int, program_id: UUID | None, user_id: UUID | None
    ) -> list[BeneficiaryPage]:
        """`limit` and one more; of everyone who consented, or all of one person's."""
        statement = _with_completion().order_by(beneficiaries.c.beneficiary_id).limit(limit + 1)
        whose = beneficiaries.c.is_public if user_id is None else beneficiaries.c.user_id == user_id
        statement = statement.where(whose)
        if after is not None:
            statement = statement.where(beneficiaries.c.beneficiary_id > after)
        if program_id is not None:
            statement = statement.where(beneficiaries.c.program_id == program_id)
        return await self._open((await self._work.connection.execute(statement)).all())

    async def _open(self, rows: Sequence[Row[Any]]) -> list[BeneficiaryPage]:
        """With the personal parts, as far as their keys are still there; one statement for all of them."""
        sealed = [(row.user_id, row.sealed_page) for row in rows if row.user_id and row.sealed_page]
        texts = await self._vault.find_many(self._work.connection, sealed, PAGE_PURPOSE)
        personal = {key: json.loads(opened) for key, opened in zip(sealed, texts, strict=True) if opened}
        return [_page(row, personal.get((row.user_id, row.sealed_page), {})) for row in rows]

    async def change(self, page: BeneficiaryPage, user_id: UUID, changes: Mapping[str, Any]) -> BeneficiaryPage:
        """Writes the owner's changes; a changed consent is kept with its time, in the same transaction."""
        text = {name: changes.get(name, getattr(page, name)) for name in ("story", "display_name", "location")}
        is_public = bool(changes.get("is_public", page.is_public))
        sealed = await self._vault.seal(self._work.connection, user_id, json.dumps(text), PAGE_PURPOSE)
        await self._work.connection.execute(
            update(beneficiaries)
            .where(beneficiaries.c.beneficiary_id == page.beneficiary_id)
            .values(
                sealed_page=sealed, is_public=is_public, version=page.version + 1, updated_at=func.clock_timestamp()
            )
        )
        if is_public != page.is_public:
            await self._work.connection.execute(
                insert(beneficiary_consents).values(
                    id=new_id(),
                    beneficiary_id=page.beneficiary_id,
                    consent_version=CONSENT_VERSION,
                    given=is_public,
                )
            )
        changed = await self.find(page.beneficiary_id)
        if changed is None:
            raise LookupError(page.beneficiary_id)
        return changed

    async def payments_to(self, beneficiary_id: UUID, limit: int) -> list[TransactionView]:
        paid = disbursed_ids(limit + 1, transactions.c.beneficiary_id == beneficiary_id, newest_first=False)
        statement = select(transactions).where(transactions.c.id.in_(paid)).order_by(transactions.c.id)
        return [view_of(row) for row in await self._work.connection.execute(statement)]


def _with_completion() -> Select[Any]:
    """Beneficiaries, and the day on which the last of what was awarded and not released had been paid."""
    awarded = (
        select(func.sum(awards.c.amount - awards.c.released))
        .where(awards.c.application_id == beneficiaries.c.application_id)
        .scalar_subquery()
    )
    theirs = transactions.c.beneficiary_id == beneficiaries.c.beneficiary_id
    # PostgreSQL's `greatest` passes over what is null.
    last_paid = func.greatest(
        *(part.scalar_subquery() for part in disbursements(func.max(transactions.c.completed_at), theirs))
    )
    is_complete = (awarded > 0) & (beneficiaries.c.amount_received >= awarded)
    return select(beneficiaries, case((is_complete, last_paid)).label("completed_at"))


def _page(row: Row[Any], personal: Mapping[str, str | None]) -> BeneficiaryPage:
    return BeneficiaryPage(
        row.beneficiary_id,
        row.user_id,
        row.program_id,
        row.application_id,
        row.amount_received,
        row.currency,
        row.is_public,
        row.joined_date,
        None if row.completed_at is None else row.completed_at.date(),
        row.version,
        personal.get("story"),
        personal.get("display_name"),
        personal.get("location"),
    )
