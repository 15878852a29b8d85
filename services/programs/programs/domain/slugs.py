"""Names of programmes in addresses."""

import re
import unicodedata
from typing import Final
from uuid import UUID

# Long enough to be told apart, short enough to be read in an address bar.
SLUG_CHARACTERS_MAX: Final = 80
# Of the id's random tail: 2^24 values, asked for only when a title is taken.
SUFFIX_CHARACTERS: Final = 6
_OTHER: Final = re.compile(r"[^a-z0-9]+")


def slug_of(title: str) -> str:
    """Lower-case ASCII words joined by hyphens; `program` when the title has none."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return _OTHER.sub("-", plain).strip("-")[:SLUG_CHARACTERS_MAX].rstrip("-") or "program"


def distinct_slug_of(title: str, program_id: UUID) -> str:
    """The slug with a tail of the id, for a title that another programme has already."""
    return f"{slug_of(title)}-{program_id.hex[-SUFFIX_CHARACTERS:]}"
