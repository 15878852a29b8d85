"""What a person can agree to here, and how it was recorded."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

# What each consent allows. Those of a profile decide, field by field, what the public view shows.
CONSENTS: Final = {
    "terms": "The terms of use.",
    "profile_name": "Show my full name on my public profile.",
    "profile_avatar": "Show my avatar on my public profile.",
    "profile_location": "Show my location on my public profile.",
}
# The text a person agreed to; moves when the text does.
CONSENT_VERSION: Final = "v1"


@dataclass(frozen=True, slots=True)
class Consent:
    """The latest word on one consent; `changed_at` None: never asked, so not given."""

    consent: str
    version: str
    given: bool
    changed_at: datetime | None


def complete(recorded: dict[str, Consent]) -> list[Consent]:
    """Every consent there is, in its fixed order; what nobody said yes to is not given."""
    return [recorded.get(code, Consent(code, CONSENT_VERSION, given=False, changed_at=None)) for code in CONSENTS]
