"""`ports.Directory` on PostgreSQL: every repository of one unit of work."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from uuid import UUID

from chassis.database import Database, UnitOfWork
from chassis.personal_data import Vault
from chassis.standing import set_role, set_suspended
from identity.adapters.announcements import ContractAnnouncements
from identity.adapters.application_counts import PostgresApplicationCounts
from identity.adapters.attempts import PostgresThrottle
from identity.adapters.consents import PostgresConsents
from identity.adapters.links import PostgresLinks
from identity.adapters.mails import PostgresMails
from identity.adapters.sessions import PostgresSessions
from identity.adapters.signing_keys import KeyCache, PostgresSigningKeys
from identity.adapters.users import PostgresCredentials, PostgresUsers
from identity.domain.people import Role


class _Standing:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def set_role(self, user_id: UUID, role: Role, role_version: int) -> None:
        await set_role(self._work.connection, user_id, role=role, role_version=role_version)

    async def set_suspended(self, user_id: UUID) -> None:
        await set_suspended(self._work.connection, user_id)


class PostgresDirectory:
    """The repositories, each made when it is first asked for."""

    def __init__(self, work: UnitOfWork, vault: Vault, keys: KeyCache) -> None:
        self._work = work
        self._vault = vault
        self._cache = keys

    @property
    def now(self) -> datetime:
        return self._work.now

    @cached_property
    def users(self) -> PostgresUsers:
        return PostgresUsers(self._work, self._vault, self._cache.master_key)

    @cached_property
    def credentials(self) -> PostgresCredentials:
        return PostgresCredentials(self._work)

    @cached_property
    def sessions(self) -> PostgresSessions:
        return PostgresSessions(self._work, self._vault)

    @cached_property
    def links(self) -> PostgresLinks:
        return PostgresLinks(self._work)

    @cached_property
    def consents(self) -> PostgresConsents:
        return PostgresConsents(self._work)

    @cached_property
    def keys(self) -> PostgresSigningKeys:
        return PostgresSigningKeys(self._work, self._cache)

    @cached_property
    def mails(self) -> PostgresMails:
        return PostgresMails(self._work, self._vault, self._cache.master_key)

    @cached_property
    def application_counts(self) -> PostgresApplicationCounts:
        return PostgresApplicationCounts(self._work)

    @cached_property
    def throttle(self) -> PostgresThrottle:
        return PostgresThrottle(self._work, self._cache.master_key)

    @cached_property
    def standing(self) -> _Standing:
        return _Standing(self._work)

    @cached_property
    def announce(self) -> ContractAnnouncements:
        return ContractAnnouncements(self._work)


@dataclass(frozen=True, slots=True)
class Directories:
    """Makes a directory of a unit of work that is open, or opens one."""

    database: Database
    vault: Vault
    keys: KeyCache

    def of(self, work: UnitOfWork) -> PostgresDirectory:
        return PostgresDirectory(work, self.vault, self.keys)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[PostgresDirectory]:
        async with self.database.unit_of_work() as work:
            yield self.of(work)
