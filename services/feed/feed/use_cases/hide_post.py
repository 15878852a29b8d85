"""A post is taken away: by its author, or by an admin."""

from collections.abc import Callable
from uuid import UUID

from feed.use_cases.ports import Desk


async def hide_post(
    desk: Desk, check_version: Callable[[int], None], post_id: UUID, *, by: UUID, is_admin: bool
) -> None:
    """It is kept, for who reported it and why; nobody sees it any more."""
    post = await desk.posts.get_locked(post_id)
    post.hide(by=by, is_admin=is_admin, now=desk.now)
    check_version(post.version - 1)
    await desk.posts.save(post)
