"""A person likes a post, or no longer does; saying it twice changes nothing."""

from uuid import UUID

from feed.domain.post import Post
from feed.use_cases.ports import Desk


async def like_post(desk: Desk, post_id: UUID, user_id: UUID) -> Post:
    post = await desk.posts.get_locked(post_id)
    if await desk.posts.add_like(post_id, user_id):
        post.likes += 1
        await desk.posts.save(post)
    return post


async def unlike_post(desk: Desk, post_id: UUID, user_id: UUID) -> Post:
    post = await desk.posts.get_locked(post_id)
    if await desk.posts.remove_like(post_id, user_id):
        post.likes -= 1
        await desk.posts.save(post)
    return post
