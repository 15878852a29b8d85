"""Someone has been erased: nothing they wrote, liked, reported or were told stays."""

from uuid import UUID

from feed.use_cases.ports import Desk


async def forget_person(desk: Desk, user_id: UUID) -> None:
    """The key of their texts is destroyed by the chassis in the same unit of work."""
    await desk.posts.forget_person(user_id)
    await desk.notifications.forget_person(user_id)
