"""A person replies to a post; its author hears of it."""

from uuid import UUID

from chassis.ids import new_id
from feed.domain.notification import NotificationKind
from feed.use_cases.notify import notify
from feed.use_cases.ports import Desk, Reply


async def reply_to_post(desk: Desk, post_id: UUID, *, author_id: UUID, body: str) -> Reply:
    post = await desk.posts.get_locked(post_id)
    reply = Reply(new_id(), post_id, author_id, body, desk.now)
    await desk.posts.add_reply(reply)
    post.replies += 1
    await desk.posts.save(post)
    desk.announce.reply_created(reply)
    if post.author_id is not None and post.author_id != author_id:
        link = f"/posts/{post_id}"
        await notify(desk, [post.author_id], NotificationKind.POST_REPLIED, cause_id=reply.id, link=link)
    return reply
