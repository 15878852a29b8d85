"""What a reader of the list looks for."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Filters:
    """None leaves a criterion out.

    `open_on` means open for applications on that day; `min_award` and `max_award` bound the award looked for: a
    programme fits when some award it gives lies between them.
    """

    drafts_too: bool = False
    status: str | None = None
    category: str | None = None
    words: str | None = None
    currency: str | None = None
    open_on: date | None = None
    min_award: Decimal | None = None
    max_award: Decimal | None = None
