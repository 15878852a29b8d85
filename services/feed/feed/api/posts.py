"""Posts: the feed, one post, and what people do with it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response, status

from chassis.api.callers import AdminCaller, AuthenticatedCaller
from chassis.api.pages import PageParameters, PageQuery, page_of
from chassis.api.preconditions import conditional, version_etag
from chassis.api.routing import UnitOfWorkRoute
from chassis.api.values import Reason
from feed.api.answers import (
    Counts,
    LikeAnswer,
    PostAnswer,
    PostPage,
    ReplyAnswer,
    ReplyPage,
    ReportAnswer,
    ReportPage,
)
from feed.api.bodies import CommentBody, FeedQuery, PostBody, PostPatch
from feed.api.dependencies import RequestDesk, RequestReader, VersionCheck
from feed.domain.post import Content
from feed.use_cases.hide_post import hide_post
from feed.use_cases.like_post import like_post, unlike_post
from feed.use_cases.ports import ShownPost, Slice
from feed.use_cases.reply_to_post import reply_to_post
from feed.use_cases.report_post import report_post
from feed.use_cases.rewrite_post import rewrite_post
from feed.use_cases.write_post import write_post

router = APIRouter(prefix="/api/v1/posts", tags=["posts"], route_class=UnitOfWorkRoute)

# A post that was taken away must be gone at the next look: caches ask each time, and a 304 costs little.
FEED_CACHE = "no-cache"


def _slice(query: PageQuery) -> Slice:
    position = query.position(UUID)
    return Slice(position[0] if position else None, query.limit)


@router.get("/feed/", response_model=PostPage)
async def read_feed(request: Request, query: Annotated[FeedQuery, Query()], reader: RequestReader) -> Response:
    """Everything visible, the newest first."""
    shown = await reader.feed(_slice(query), kind=query.kind, program_id=query.program_id)
    page = page_of(shown, query.limit, item=PostAnswer.of, key=lambda item: (item.post.id,))
    return conditional(request, PostPage(**page).model_dump_json().encode(), cache=FEED_CACHE)


@router.post("/create/", status_code=status.HTTP_201_CREATED)
async def create(body: PostBody, desk: RequestDesk, caller: AuthenticatedCaller, response: Response) -> PostAnswer:
    """Post something."""
    post = await write_post(desk, author_id=caller.user_id, content=Content(body.body, tuple(body.media)))
    response.headers["ETag"] = version_etag(post.version)
    response.headers["Location"] = f"/api/v1/posts/{post.id}/"
    return PostAnswer.of(ShownPost(post, None, liked=False))


@router.get("/reports/")
async def list_reports(query: PageParameters, reader: RequestReader, _: AdminCaller) -> ReportPage:
    """What people have reported and still stands there, the newest first; for admins."""
    found = await reader.reports(_slice(query))
    return ReportPage(**page_of(found, query.limit, item=ReportAnswer.of, key=lambda item: (item.id,)))


@router.get("/{post_id}/")
async def read_post(post_id: UUID, reader: RequestReader, response: Response) -> PostAnswer:
    """One post; its ETag is the version of its text, for If-Match."""
    shown = await reader.get(post_id)
    response.headers["ETag"] = version_etag(shown.post.version)
    response.headers["Cache-Control"] = FEED_CACHE
    return PostAnswer.of(shown)


@router.patch("/{post_id}/")
async def rewrite(  # noqa: PLR0917 -- FastAPI passes by name
    post_id: UUID,
    body: PostPatch,
    desk: RequestDesk,
    reader: RequestReader,
    caller: AuthenticatedCaller,
    check_version: VersionCheck,
    response: Response,
) -> PostAnswer:
    """Change one's own post."""
    changes = body.model_dump(exclude_unset=True)
    post = await rewrite_post(desk, check_version, post_id, by=caller.user_id, changes=changes)
    response.headers["ETag"] = version_etag(post.version)
    return PostAnswer.of(await reader.get(post_id))


@router.delete("/{post_id}/", status_code=status.HTTP_204_NO_CONTENT)
async def take_away(post_id: UUID, desk: RequestDesk, caller: AuthenticatedCaller, check_version: VersionCheck) -> None:
    """Take one's own post back; an admin hides anybody's."""
    await hide_post(desk, check_version, post_id, by=caller.user_id, is_admin=caller.is_admin)


@router.post("/{post_id}/like/")
async def like(post_id: UUID, desk: RequestDesk, caller: AuthenticatedCaller) -> LikeAnswer:
    """Like it; doing so twice changes nothing."""
    return LikeAnswer(liked=True, counts=Counts.of(await like_post(desk, post_id, caller.user_id)))


@router.delete("/{post_id}/like/")
async def unlike(post_id: UUID, desk: RequestDesk, caller: AuthenticatedCaller) -> LikeAnswer:
    """No longer like it; doing so twice changes nothing."""
    return LikeAnswer(liked=False, counts=Counts.of(await unlike_post(desk, post_id, caller.user_id)))


@router.post("/{post_id}/comment/", status_code=status.HTTP_201_CREATED)
async def comment(post_id: UUID, body: CommentBody, desk: RequestDesk, caller: AuthenticatedCaller) -> ReplyAnswer:
    """Reply to it."""
    return ReplyAnswer.of(await reply_to_post(desk, post_id, author_id=caller.user_id, body=body.body))


@router.get("/{post_id}/replies/", response_model=ReplyPage)
async def list_replies(request: Request, post_id: UUID, query: PageParameters, reader: RequestReader) -> Response:
    """Its replies, the oldest first."""
    found = await reader.replies(post_id, _slice(query))
    page = page_of(found, query.limit, item=ReplyAnswer.of, key=lambda item: (item.id,))
    return conditional(request, ReplyPage(**page).model_dump_json().encode(), cache=FEED_CACHE)


@router.post("/{post_id}/report/", status_code=status.HTTP_201_CREATED)
async def report(post_id: UUID, body: Reason, desk: RequestDesk, caller: AuthenticatedCaller) -> ReportAnswer:
    """Tell the admins; a second report by the same person replaces the first."""
    return ReportAnswer.of(await report_post(desk, post_id, reporter_id=caller.user_id, reason=body.reason))
