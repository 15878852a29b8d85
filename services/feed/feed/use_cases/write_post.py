"""A person posts something."""

from uuid import UUID

from chassis.ids import new_id
from feed.domain.post import Content, Post, PostKind
from feed.use_cases.ports import Desk


async def write_post(desk: Desk, *, author_id: UUID, content: Content) -> Post:
    post = Post(new_id(), PostKind.POST, author_id, desk.now, desk.now, content)
    await desk.posts.add(post)
    desk.announce.post_created(post)
    return post
