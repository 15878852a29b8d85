"""A programme has news: the feed leads to it."""

from uuid import UUID

from chassis.ids import new_id
from feed.domain.post import Post, PostKind
from feed.use_cases.ports import Desk


async def publish_update(desk: Desk, *, program_id: UUID, update_id: UUID) -> None:
    """One post an update, however often it is heard of."""
    post = Post(
        id=new_id(),
        kind=PostKind.UPDATE,
        author_id=None,
        created_at=desk.now,
        updated_at=desk.now,
        program_id=program_id,
        update_id=update_id,
    )
    if await desk.posts.add(post):
        desk.announce.post_created(post)
