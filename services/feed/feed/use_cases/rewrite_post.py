"""An author changes their post."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from feed.domain.post import Content, Post
from feed.use_cases.ports import Desk


async def rewrite_post(
    desk: Desk, check_version: Callable[[int], None], post_id: UUID, *, by: UUID, changes: dict[str, Any]
) -> Post:
    """`changes`: `body`, `media` or both. Refuses anybody but the author."""
    post = await desk.posts.get_locked(post_id)
    present = post.content or Content("")
    content = Content(changes.get("body", present.body), tuple(changes.get("media", present.media)))
    post.rewrite(content, by=by, now=desk.now)
    # After the author is known to be one: a stranger learns nothing about versions.
    check_version(post.version - 1)
    await desk.posts.save(post)
    return post
