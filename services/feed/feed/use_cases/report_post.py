"""A person reports a post to the admins."""

from uuid import UUID

from chassis.ids import new_id
from feed.use_cases.ports import Desk, Report


async def report_post(desk: Desk, post_id: UUID, *, reporter_id: UUID, reason: str) -> Report:
    await desk.posts.get_locked(post_id)
    return await desk.posts.put_report(Report(new_id(), post_id, reporter_id, reason, desk.now))
