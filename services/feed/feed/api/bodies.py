"""What the feed accepts: bodies and queries, each field with its limit."""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError, Url

from chassis.api.pages import PageQuery
from chassis.api.values import Body, RequiredText
from feed.domain.notification import Group

# Pictures under one post; more is an album.
MEDIA_MAX: Final = 10
# Absent from a PATCH; never a value, for defaults are not validated.
_UNCHANGED: Any = None


def _https(value: str) -> str:
    try:
        url = Url(value)
    except ValueError as error:
        raise PydanticCustomError("url_malformed", "must be an https address") from error
    # Other schemes run scripts or reveal a reader's address in clear; credentials have no business in a post.
    if url.scheme != "https" or url.username or url.password or not value.isascii() or not value.isprintable():
        raise PydanticCustomError("url_malformed", "must be an https address in ASCII, without credentials")
    return value


MediaAddress = Annotated[str, StringConstraints(max_length=500), AfterValidator(_https)]
Media = Annotated[list[MediaAddress], Field(max_length=MEDIA_MAX)]
Choice = Annotated[bool, Field(strict=True)]


class PostBody(Body):
    """A post. `media`: addresses (https) of pictures or films."""

    body: RequiredText
    media: Annotated[Media, Field(default_factory=list)]


class PostPatch(Body):
    """What is to change; what is left out stays."""

    body: RequiredText = _UNCHANGED
    media: Media = _UNCHANGED


class CommentBody(Body):
    body: RequiredText


class PreferencesPatch(Body):
    """Which notifications are wanted; what is left out stays."""

    applications: Choice = _UNCHANGED
    reviews: Choice = _UNCHANGED
    payments: Choice = _UNCHANGED
    donations: Choice = _UNCHANGED
    community: Choice = _UNCHANGED

    def to_changes(self) -> dict[Group, bool]:
        return {Group(name): value for name, value in self.model_dump(exclude_unset=True).items()}


class FeedQuery(PageQuery):
    """Filters of the feed."""

    kind: Literal["post", "impact", "update"] | None = None
    program_id: UUID | None = None


class NotificationsQuery(PageQuery):
    """Filters of a person's notifications."""

    unread: Annotated[bool | None, Field(description="true: unread ones only; false: read ones only.")] = None


def true_or_false(value: str) -> bool:
    """A boolean in a cursor, as `str` spells it."""
    if value not in ("True", "False"):
        raise ValueError("not a boolean")
    return value == "True"
