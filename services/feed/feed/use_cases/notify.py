"""People hear of something, each at most once, unless they do not want to."""

from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID

from chassis.ids import new_id
from feed.domain.notification import GROUP_OF, Notification, NotificationKind
from feed.use_cases.ports import Desk


async def notify(
    desk: Desk,
    user_ids: Iterable[UUID],
    kind: NotificationKind,
    *,
    cause_id: UUID,
    link: str | None,
    program_id: UUID | None = None,
    amount: Decimal | None = None,
    currency: str | None = None,
    code: str | None = None,
) -> None:
    """`link` is a path of the frontend; `cause_id` the event, or the thing, that this is about."""
    for user_id in user_ids:
        if not await desk.notifications.wants(user_id, GROUP_OF[kind]):
            continue
        notification = Notification(
            id=new_id(),
            user_id=user_id,
            kind=kind,
            link=link,
            cause_id=cause_id,
            created_at=desk.now,
            program_id=program_id,
            amount=amount,
            currency=currency,
            code=code,
        )
        if await desk.notifications.add(notification):
            desk.announce.notification_created(notification)
