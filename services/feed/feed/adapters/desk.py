"""The use cases' `Desk` over one unit of work, and what it tells the other contexts."""

from datetime import datetime
from uuid import UUID

from chassis.database import UnitOfWork
from chassis.personal_data import Vault
from contracts import feed as contract
from feed.adapters.feed_reader import FeedReader
from feed.adapters.notification_store import NotificationStore
from feed.adapters.post_store import PostStore
from feed.adapters.program_store import ProgramStore
from feed.domain.notification import Notification
from feed.domain.post import Post
from feed.use_cases.ports import Reply


class _Announcements:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    def post_created(self, post: Post) -> None:
        self._work.announce(
            contract.PostCreated(
                post_id=post.id,
                kind=post.kind.value,
                author_id=post.author_id,
                program_id=post.program_id,
                transaction_id=post.transaction_id,
            )
        )

    def reply_created(self, reply: Reply) -> None:
        self._work.announce(contract.ReplyCreated(reply_id=reply.id, post_id=reply.post_id, author_id=reply.author_id))

    def notification_created(self, notification: Notification) -> None:
        self._work.announce(
            contract.NotificationCreated(
                notification_id=notification.id,
                user_id=notification.user_id,
                kind=notification.kind.value,
                link=notification.link,
            )
        )


class PostgresDesk:
    """Stores and announcements of one request or message."""

    def __init__(self, work: UnitOfWork, vault: Vault) -> None:
        self._work = work
        self._vault = vault
        self.now: datetime = work.now
        self.posts = PostStore(work.connection, vault, work.now)
        self.notifications = NotificationStore(work.connection, work.now)
        self.programs = ProgramStore(work.connection, work.now)
        self.announce = _Announcements(work)

    def reader(self, user_id: UUID | None) -> FeedReader:
        return FeedReader(self._work.connection, self._vault, user_id)
