"""Lists: keyset pagination, stable under inserts; an opaque cursor holds the last row's sort key."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, Generic, TypeVar

import orjson
from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from chassis.api.values import WholeNumber
from chassis.refusals import FieldRefusalError

PAGE_DEFAULT: Final = 20
PAGE_MAX: Final = 100
# A cursor of ours is a few short values; a longer one was not made here.
CURSOR_CHARACTERS_MAX: Final = 512

T = TypeVar("T")
R = TypeVar("R")


class Page(BaseModel, Generic[T]):
    """A page of a list; `next_cursor` is null on the last one."""

    items: list[T]
    next_cursor: str | None


class PageQuery(BaseModel):
    """The query of a list. A list's own filters subclass it; unknown ones are refused, never ignored."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[WholeNumber, Field(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT
    cursor: Annotated[str, Field(max_length=CURSOR_CHARACTERS_MAX)] | None = None

    def position(self, *kinds: Callable[[str], Any]) -> tuple[Any, ...] | None:
        """The values in the cursor, each read by its kind (`UUID`, `int`, …); None at the start.

        Raises:
            FieldRefusalError: the cursor was not made by this list.
        """
        if self.cursor is None:
            return None
        try:
            values = orjson.loads(base64.urlsafe_b64decode(self.cursor + "=" * (-len(self.cursor) % 4)))
            if not isinstance(values, list):
                raise TypeError
            return tuple(kind(value) for kind, value in zip(kinds, values, strict=True))
        except (binascii.Error, ValueError, TypeError, AttributeError, ArithmeticError) as error:
            raise FieldRefusalError([("cursor", "malformed", "not a cursor of this list")]) from error


# The plain query of a list without filters.
PageParameters = Annotated[PageQuery, Query()]


def encode_cursor(*values: Any) -> str:
    """An opaque cursor of a row's sort key."""
    return base64.urlsafe_b64encode(orjson.dumps([str(value) for value in values])).decode().rstrip("=")


def page_of(
    rows: Sequence[R], limit: int, *, item: Callable[[R], T], key: Callable[[R], tuple[Any, ...]]
) -> dict[str, Any]:
    """Cut `limit + 1` fetched rows into a page; `key` gives a row's sort key."""
    shown = rows[:limit]
    more = len(rows) > limit
    return {"items": [item(row) for row in shown], "next_cursor": encode_cursor(*key(shown[-1])) if more else None}
