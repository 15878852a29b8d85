"""Between which accounts each kind of block moves its money: how it is written, and what postings are held against."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from ledger.domain.accounts import BANK_CLEARING

NO_STEP: Final = ""
_AVAILABLE: Final = "program:{program_id}:available"
_COMMITTED: Final = "program:{program_id}:committed:{award_id}"
_DONOR: Final = "external:donor:{donor_id}"
_BENEFICIARY: Final = "beneficiary:{beneficiary_id}"

# (source, target) by kind and step (05, double entry); names in braces are fields of the block's data.
MOVES: Final[Mapping[tuple[str, str], tuple[str, str]]] = MappingProxyType(
    {
        ("donation", NO_STEP): (_DONOR, _AVAILABLE),
        ("commitment", NO_STEP): (_AVAILABLE, _COMMITTED),
        ("decommitment", NO_STEP): (_COMMITTED, _AVAILABLE),
        ("disbursement", "sent"): (_COMMITTED, BANK_CLEARING),
        ("disbursement", "completed"): (BANK_CLEARING, _BENEFICIARY),
        ("disbursement", "failed"): (BANK_CLEARING, _COMMITTED),
        ("reversal", NO_STEP): (_BENEFICIARY, _COMMITTED),
        ("refund", "sent"): (_AVAILABLE, BANK_CLEARING),
        ("refund", "completed"): (BANK_CLEARING, _DONOR),
        ("refund", "failed"): (BANK_CLEARING, _AVAILABLE),
    }
)


def accounts_of(transaction_type: str, data: Mapping[str, Any]) -> tuple[str, str]:
    """(source, target) of a money block with these fields, which are of its shape."""
    source, target = MOVES[transaction_type, data.get("step", NO_STEP)]
    return source.format_map(data), target.format_map(data)
