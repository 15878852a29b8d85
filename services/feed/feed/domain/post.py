"""A post: who may change it, who may take it away, and what the platform itself says."""

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Self
from uuid import UUID

from chassis.refusals import ForbiddenError


class PostKind(StrEnum):
    """`post`: a person's; `impact`: money reached someone; `update`: news of a programme."""

    POST = "post"
    IMPACT = "impact"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class Content:
    """What a person wrote. Sealed as one text under that person's key."""

    body: str
    media: tuple[str, ...] = ()

    def to_text(self) -> str:
        return json.dumps({"body": self.body, "media": self.media}, ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str) -> Self:
        values = json.loads(text)
        return cls(values["body"], tuple(values["media"]))


@dataclass(slots=True)
class Post:
    """`author_id` is None for what the platform wrote, whose words are made when it is read: see `wording`."""

    id: UUID
    kind: PostKind
    author_id: UUID | None
    created_at: datetime
    updated_at: datetime
    content: Content | None = None
    program_id: UUID | None = None
    transaction_id: UUID | None = None
    request_id: UUID | None = None
    update_id: UUID | None = None
    amount: Decimal | None = None
    currency: str | None = None
    version: int = 1
    likes: int = 0
    replies: int = 0
    hidden_at: datetime | None = None
    hidden_by: UUID | None = None

    def rewrite(self, content: Content, *, by: UUID, now: datetime) -> None:
        """Its author changes what it says; nobody else can, admins included."""
        if self.author_id is None or self.author_id != by:
            raise ForbiddenError("Only its author can change a post.")
        self.content = content
        self.version += 1
        self.updated_at = now

    def hide(self, *, by: UUID, is_admin: bool, now: datetime) -> None:
        """Its author takes it back, or an admin hides it."""
        if not is_admin and (self.author_id is None or self.author_id != by):
            raise ForbiddenError("Only its author or an admin can take a post away.")
        self.hidden_at = now
        self.hidden_by = by
        self.version += 1
        self.updated_at = now
