"""People in PostgreSQL: the ledger's own random ids, sealed accounts and pages, and forgetting."""

import base64
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Column, Table, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from chassis.database import UnitOfWork
from chassis.ids import driver_id, new_id
from chassis.inserting import Command
from chassis.personal_data import Vault
from ledger.adapters.arrays import among
from ledger.adapters.erasure import forget_deeds, hold_money_of
from ledger.adapters.tables.money import awards
from ledger.adapters.tables.people import beneficiaries, deciders, donors, payees
from ledger.adapters.write_behind import WriteBehind
from ledger.domain.records import PayeeAccount

_now = func.clock_timestamp()
ACCOUNT_PURPOSE = "payees.sealed_account"
SNAPSHOT_PURPOSE = "payments.sealed_account"
NAME_PURPOSE = "donors.sealed_name"
PAGE_PURPOSE = "beneficiaries.sealed_page"
_IS_DECIDER: Final = "EXISTS (SELECT FROM deciders WHERE user_id = $1 AND decider_id = $2)"


class PostgresPeople:
    def __init__(self, work: UnitOfWork, vault: Vault, pending: WriteBehind) -> None:
        self._work = work
        self._vault = vault
        self._pending = pending
        # By table and by what the id stands for; None where the database was asked and has none.
        self._own_ids: dict[str, dict[UUID, UUID | None]] = defaultdict(dict)

    async def donor_of(self, user_id: UUID) -> UUID:
        return await self._donor_id(user_id)

    async def donor_on_behalf(self, name: str, reference: str) -> UUID:
        """One donor per reference, so that what one organisation gives can be followed; its name is sealed."""
        known: UUID | None = await self._work.connection.scalar(
            select(donors.c.donor_id).where(donors.c.reference == reference)
        )
        if known is not None:
            return known
        donor_id = uuid4()
        sealed = await self._vault.seal(self._work.connection, donor_id, name, NAME_PURPOSE)
        statement = upsert(donors).values(donor_id=donor_id, reference=reference, sealed_name=sealed)
        await self._work.connection.execute(statement.on_conflict_do_nothing(index_elements=[donors.c.reference]))
        found: UUID | None = await self._work.connection.scalar(
            select(donors.c.donor_id).where(donors.c.reference == reference)
        )
        if found is None:
            raise LookupError(reference)
        return found

    def learn(
        self, application_ids: Sequence[UUID], decided_by: Sequence[UUID], found: Mapping[str, Mapping[UUID, UUID]]
    ) -> None:
        """The own ids that were found, by table, read with other things."""
        for table, keys in ((beneficiaries.name, application_ids), (deciders.name, decided_by)):
            known = self._own_ids[table]
            for key in keys:
                known.setdefault(key, found[table].get(key))

    def assume(self, decided_by: Mapping[UUID, UUID]) -> None:
        """Their own ids without asking; what is written is refused if the database does not have them."""
        self._own_ids[deciders.name].update(decided_by)
        self._work.gather(lambda: [Command("", pair, _IS_DECIDER) for pair in decided_by.items()])

    async def decider_of(self, user_id: UUID) -> UUID:
        known = self._own_ids[deciders.name]
        if user_id not in known:
            await self._read_own_ids(deciders.c.decider_id, deciders.c.user_id, [user_id])
        return known[user_id] or self._new_own_id(deciders, "decider_id", user_id, user_id=user_id)

    async def find_beneficiary(self, application_id: UUID) -> UUID | None:
        known = self._own_ids[beneficiaries.name]
        if application_id not in known:
            await self._read_own_ids(beneficiaries.c.beneficiary_id, beneficiaries.c.application_id, [application_id])
        return known[application_id]

    async def beneficiary_of(self, application_id: UUID, program_id: UUID, user_id: UUID, currency: str) -> UUID:
        return await self.find_beneficiary(application_id) or self._new_own_id(
            beneficiaries,
            "beneficiary_id",
            application_id,
            application_id=application_id,
            program_id=program_id,
            user_id=user_id,
            currency=currency,
            joined_date=self._work.now.date(),
        )

    async def _read_own_ids(self, own: Column[Any], key: Column[Any], values: Sequence[UUID]) -> None:
        known = self._own_ids[own.table.name]
        missing = [each for each in dict.fromkeys(values) if each not in known]
        if not missing:
            return
        known.update(dict.fromkeys(missing))
        for found, value in (await self._work.connection.execute(select(own, key).where(among(key, missing)))).all():
            known[value] = found

    def _new_own_id(self, table: Table, own: str, value: UUID, **row: Any) -> UUID:
        """The random id that stands for `value` in blocks, made at first sight; random, so that it tells no time.

        Only who holds the chain makes them, so no other can make one for the same value meanwhile.
        """
        fresh = driver_id(uuid4())
        self._pending.add(table, {own: fresh, **row})
        self._own_ids[table.name][value] = fresh
        return fresh

    async def _donor_id(self, user_id: UUID) -> UUID:
        fresh = {"donor_id": uuid4(), "user_id": user_id}
        statement = upsert(donors).values(**fresh).on_conflict_do_nothing(index_elements=[donors.c.user_id])
        await self._work.connection.execute(statement)
        found: UUID | None = await self._work.connection.scalar(
            select(donors.c.donor_id).where(donors.c.user_id == user_id)
        )
        if found is None:
            raise LookupError("donors")
        return found

    async def received(self, beneficiary_id: UUID, amount: Decimal) -> None:
        await self._pending.flush()
        await self._work.connection.execute(
            update(beneficiaries)
            .where(beneficiaries.c.beneficiary_id == beneficiary_id)
            .values(
                amount_received=beneficiaries.c.amount_received + amount,
                version=beneficiaries.c.version + 1,
                updated_at=_now,
            )
        )

    async def find_payee(self, user_id: UUID) -> PayeeAccount | None:
        row = (await self._work.connection.execute(select(payees).where(payees.c.user_id == user_id))).one_or_none()
        if row is None:
            return None
        opened = await self._vault.find(self._work.connection, user_id, row.sealed_account, ACCOUNT_PURPOSE)
        return None if opened is None else _account(json.loads(opened), row.version, row.payee_id)

    async def put_payee(self, user_id: UUID, account: PayeeAccount) -> PayeeAccount:
        text = json.dumps(account.fields())
        sealed = await self._vault.seal(self._work.connection, user_id, text, ACCOUNT_PURPOSE)
        statement = upsert(payees).values(
            payee_id=new_id(), user_id=user_id, sealed_account=sealed, currency=account.currency, version=1
        )
        stored = await self._work.connection.execute(
            statement.on_conflict_do_update(
                index_elements=[payees.c.user_id],
                set_={
                    "sealed_account": statement.excluded.sealed_account,
                    "currency": statement.excluded.currency,
                    "version": payees.c.version + 1,
                    "updated_at": _now,
                },
            ).returning(payees.c.version, payees.c.payee_id)
        )
        row = stored.one()
        return _account(account.fields(), row.version, row.payee_id)

    async def seal_snapshot(self, user_id: UUID, account: PayeeAccount, salt: bytes) -> bytes:
        fields = account.fields() | {"version": account.version, "salt": base64.b64encode(salt).decode()}
        return await self._vault.seal(self._work.connection, user_id, json.dumps(fields), SNAPSHOT_PURPOSE)

    async def forget(self, user_id: UUID) -> None:
        """Cuts every way from the ledger's own ids to the person; money and blocks stay, pseudonymous."""
        await self._pending.flush()
        connection = self._work.connection
        await hold_money_of(connection, user_id)
        await connection.execute(
            update(donors).where(donors.c.user_id == user_id).values(user_id=None, updated_at=_now)
        )
        await connection.execute(update(deciders).where(deciders.c.user_id == user_id).values(user_id=None))
        await connection.execute(
            update(beneficiaries)
            .where(beneficiaries.c.user_id == user_id)
            .values(
                user_id=None,
                sealed_page=None,
                is_public=False,
                version=beneficiaries.c.version + 1,
                updated_at=_now,
            )
        )
        await connection.execute(delete(payees).where(payees.c.user_id == user_id))
        await connection.execute(
            update(awards).where(awards.c.user_id == user_id).values(user_id=None, updated_at=_now)
        )
        await forget_deeds(connection, user_id)


async def open_snapshot(work: UnitOfWork, vault: Vault, user_id: UUID, sealed: bytes | None) -> PayeeAccount | None:
    """The account as it was when the payment was made; None after the person was erased."""
    opened = await vault.find(work.connection, user_id, sealed, SNAPSHOT_PURPOSE)
    if opened is None:
        return None
    fields = json.loads(opened)
    return _account(fields, fields["version"])


def _account(fields: dict[str, Any], version: int, payee_id: UUID | None = None) -> PayeeAccount:
    return PayeeAccount(
        bank_code=fields["bank_code"],
        account_number=fields["account_number"],
        account_name=fields["account_name"],
        currency=fields["currency"],
        version=version,
        payee_id=payee_id,
    )
