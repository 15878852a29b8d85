"""A person's own notifications; nobody else's exist for them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from chassis.api.callers import AuthenticatedCaller
from chassis.api.pages import page_of
from chassis.api.preconditions import version_etag
from chassis.api.routing import UnitOfWorkRoute
from feed.api.answers import NotificationAnswer, NotificationPage, PreferencesAnswer, UnreadAnswer
from feed.api.bodies import NotificationsQuery, PreferencesPatch, true_or_false
from feed.api.dependencies import RequestDesk, VersionCheck
from feed.use_cases.change_preferences import change_preferences

router = APIRouter(prefix="/api/v1/notifications", tags=["notifications"], route_class=UnitOfWorkRoute)


@router.get("/")
async def list_notifications(
    query: Annotated[NotificationsQuery, Query()], desk: RequestDesk, caller: AuthenticatedCaller, response: Response
) -> NotificationPage:
    """Unread ones first, the newest first among each."""
    position = query.position(true_or_false, UUID)
    after = None if position is None else (bool(position[0]), position[1])
    store = desk.notifications
    found = await store.list_of(caller.user_id, unread=query.unread, after=after, limit=query.limit)
    page = page_of(
        found,
        query.limit,
        item=NotificationAnswer.of,
        key=lambda shown: (shown.notification.read_at is not None, shown.notification.id),
    )
    response.headers["Cache-Control"] = "private, no-store"
    return NotificationPage(**page, unread_count=await store.count_unread(caller.user_id))


@router.post("/{notification_id}/read/")
async def read(notification_id: UUID, desk: RequestDesk, caller: AuthenticatedCaller) -> NotificationAnswer:
    """It has been read; saying so twice changes nothing."""
    return NotificationAnswer.of(await desk.notifications.mark_read(notification_id, caller.user_id))


@router.post("/read-all/")
async def read_all(desk: RequestDesk, caller: AuthenticatedCaller) -> UnreadAnswer:
    """All of them have been read."""
    await desk.notifications.mark_all_read(caller.user_id)
    return UnreadAnswer(unread_count=0)


@router.get("/preferences/")
async def read_preferences(desk: RequestDesk, caller: AuthenticatedCaller, response: Response) -> PreferencesAnswer:
    """Which notifications are wanted: all of them, until a person says otherwise."""
    preferences = await desk.notifications.preferences_of(caller.user_id)
    response.headers["ETag"] = version_etag(preferences.version)
    return PreferencesAnswer.of(preferences)


@router.patch("/preferences/")
async def patch_preferences(
    body: PreferencesPatch,
    desk: RequestDesk,
    caller: AuthenticatedCaller,
    check_version: VersionCheck,
    response: Response,
) -> PreferencesAnswer:
    """What is switched off is not told from now on; what was told before stays."""
    preferences = await change_preferences(desk, check_version, caller.user_id, body.to_changes())
    response.headers["ETag"] = version_etag(preferences.version)
    return PreferencesAnswer.of(preferences)
