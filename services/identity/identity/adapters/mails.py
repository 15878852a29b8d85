"""Mails that wait to be sent, in PostgreSQL: queued with the change that asks for them, gone when sent."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import delete, insert, select, update

from chassis.database import Database, UnitOfWork
from chassis.ids import new_id
from chassis.personal_data import Vault
from identity.adapters.mail_senders import MailSender, compose
from identity.adapters.master_key import MasterKey
from identity.adapters.tables import mails, reset_requests, users
from identity.adapters.users import PostgresUsers
from identity.use_cases.ports import LinkPurpose

log = structlog.get_logger(__name__)

_TOKEN: Final = "mails.token"  # noqa: S105 -- a column's name, not a secret
# After a failure: 10 s, 20 s, … up to ten minutes; a link lives a day, so after that nobody needs the mail.
_RETRY_SECONDS: Final = 10
_RETRY_SECONDS_MAX: Final = 600
_ATTEMPTS_MAX: Final = 150


class PostgresMails:
    """`ports.Mails` within one unit of work."""

    def __init__(self, work: UnitOfWork, vault: Vault, master_key: MasterKey) -> None:
        self._work = work
        self._vault = vault
        self._master_key = master_key

    async def queue(self, user_id: UUID, purpose: LinkPurpose, token: str) -> None:
        connection = self._work.connection
        sealed = await self._vault.seal(connection, user_id, token, _TOKEN)
        now = self._work.now
        await connection.execute(
            insert(mails).values(
                mail_id=new_id(), user_id=user_id, purpose=purpose, token=sealed, due_at=now, created_at=now
            )
        )

    async def queue_reset(self, email: str) -> None:
        email_hash = self._master_key.lookup_hash("email", email)
        await self._work.connection.execute(
            insert(reset_requests).values(request_id=new_id(), email_hash=email_hash, created_at=self._work.now)
        )

    async def next_reset(self) -> tuple[UUID | None] | None:
        connection = self._work.connection
        oldest = (
            select(reset_requests.c.request_id)
            .order_by(reset_requests.c.request_id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        taken = delete(reset_requests).where(reset_requests.c.request_id.in_(oldest))
        email_hash = await connection.scalar(taken.returning(reset_requests.c.email_hash))
        if email_hash is None:
            return None
        user_id: UUID | None = await connection.scalar(
            select(users.c.user_id).where(users.c.email_hash == bytes(email_hash))
        )
        return (user_id,)


async def send_next_mail(
    database: Database,
    vault: Vault,
    master_key: MasterKey,
    sender: MailSender,
    link_of: Callable[[LinkPurpose, str], str],
) -> bool:
    """Send one mail that is due; False when there is none. At least once: a crash after sending sends it again."""
    async with database.unit_of_work() as work:
        due = select(mails).where(mails.c.due_at <= work.now).order_by(mails.c.due_at).limit(1)
        row = (await work.connection.execute(due.with_for_update(skip_locked=True))).one_or_none()
        if row is None:
            return False
        mine = mails.c.mail_id == row.mail_id
        user = await PostgresUsers(work, vault, master_key).find(row.user_id)
        token = await vault.find(work.connection, row.user_id, bytes(row.token), _TOKEN)
        if user is None or token is None:
            await work.connection.execute(delete(mails).where(mine))
            return True
        mail = compose(
            mail_id=row.mail_id,
            purpose=row.purpose,
            address=user.personal.email,
            token=token,
            link=link_of(row.purpose, token),
            created_at=row.created_at,
        )
        try:
            await sender.send(mail)
        except Exception as error:  # noqa: BLE001 -- whatever the mail server does, the mail waits and the others go on
            attempts = row.attempts + 1
            log.warning("mail_not_sent", mail_id=str(row.mail_id), attempts=attempts, error=type(error).__name__)
            if attempts >= _ATTEMPTS_MAX:
                await work.connection.execute(delete(mails).where(mine))
                return True
            pause = min(_RETRY_SECONDS * 2 ** min(attempts - 1, 6), _RETRY_SECONDS_MAX)
            later = work.now + timedelta(seconds=pause)
            await work.connection.execute(update(mails).where(mine).values(attempts=attempts, due_at=later))
            return True
        await work.connection.execute(delete(mails).where(mine))
    return True
