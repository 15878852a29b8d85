"""Beneficiaries and what they chose to show of themselves."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, insert, select, update

from chassis.database import UnitOfWork
from chassis.ids import new_id
from chassis.personal_data import Vault
from ledger.adapters.people_books import PAGE_PURPOSE
from ledger.adapters.tables.money import transactions
from ledger.adapters.tables.people import beneficiaries, beneficiary_consents
from ledger.adapters.transaction_reading import view_of
from ledger.domain.transactions import Status, TransactionType
from ledger.use_cases.readings import BeneficiaryPage, TransactionView

# The wording of what is consented to; a new wording asks anew.
CONSENT_VERSION = "1"


class BeneficiaryShelf:
    def __init__(self, work: UnitOfWork, vault: Vault) -> None:
        self._work = work
        self._vault = vault

    async def find(self, beneficiary_id: UUID, *, lock: bool = False) -> BeneficiaryPage | None:
        statement = select(beneficiaries).where(beneficiaries.c.beneficiary_id == beneficiary_id)
        row = (await self._work.connection.execute(statement.with_for_update() if lock else statement)).one_or_none()
        return None if row is None else await self._open(row)

    async def page(
        self, *, after: UUID | None, limit: int, program_id: UUID | None, user_id: UUID | None
    ) -> list[BeneficiaryPage]:
        """`limit` and one more; of everyone who consented, or all of one person's."""
        statement = select(beneficiaries).order_by(beneficiaries.c.beneficiary_id).limit(limit + 1)
        whose = beneficiaries.c.is_public if user_id is None else beneficiaries.c.user_id == user_id
        statement = statement.where(whose)
        if after is not None:
            statement = statement.where(beneficiaries.c.beneficiary_id > after)
        if program_id is not None:
            statement = statement.where(beneficiaries.c.program_id == program_id)
        return [await self._open(row) for row in await self._work.connection.execute(statement)]

    async def _open(self, row: Row[Any]) -> BeneficiaryPage:
        personal: dict[str, str | None] = {}
        if row.user_id is not None:
            opened = await self._vault.find(self._work.connection, row.user_id, row.sealed_page, PAGE_PURPOSE)
            personal = json.loads(opened) if opened else {}
        return BeneficiaryPage(
            row.beneficiary_id,
            row.user_id,
            row.program_id,
            row.application_id,
            row.amount_received,
            row.currency,
            row.is_public,
            row.joined_date,
            row.completion_date,
            row.version,
            personal.get("story"),
            personal.get("display_name"),
            personal.get("location"),
        )

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

    async def payments_to(self, beneficiary_id: UUID) -> list[TransactionView]:
        statement = (
            select(transactions)
            .where(
                transactions.c.beneficiary_id == beneficiary_id,
                transactions.c.transaction_type == TransactionType.DISBURSEMENT,
                transactions.c.status == Status.COMPLETED,
            )
            .order_by(transactions.c.id)
        )
        return [view_of(row) for row in await self._work.connection.execute(statement)]
