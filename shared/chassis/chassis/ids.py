"""Ids: UUIDv7 (RFC 9562), which sort by time and so keep indexes dense."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A new UUIDv7."""
    return uuid7()
