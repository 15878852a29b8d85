"""A person says which notifications they want; what was told before stays."""

from collections.abc import Callable, Mapping
from uuid import UUID

from feed.domain.notification import Group
from feed.domain.preferences import Preferences
from feed.use_cases.ports import Desk


async def change_preferences(
    desk: Desk, check_version: Callable[[int], None], user_id: UUID, changes: Mapping[Group, bool]
) -> Preferences:
    present = await desk.notifications.preferences_of(user_id)
    check_version(present.version)
    following = present.changed(changes)
    await desk.notifications.put_preferences(user_id, following)
    return following
