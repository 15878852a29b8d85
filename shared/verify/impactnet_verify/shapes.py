"""What `data` of each block type holds, field by field, and between which accounts its money moves.

Forms are regular expressions of a field's whole text. The careful way of reading a block (`blocks`) and the quick one
(`quick_blocks`) are both made from this one table.
"""

from dataclasses import dataclass, field
from typing import Final

# Fixed by the genesis block: decimal digits by currency.
CURRENCIES: Final = {"NGN": 2}

ID: Final = r"[A-Za-z0-9_.-]{1,100}"  # opaque; no colon, which separates the parts of an account
HASH: Final = r"[0-9a-f]{64}"
WORD: Final = r"[^\x00-\x1f]{1,200}"  # codes, names of models and versions: a short text on one line
DECIMAL: Final = r"(?:0|[1-9][0-9]{0,17})(?:\.[0-9]+)?"
COUNT: Final = "count"  # not text: an integer, zero or more
ACCOUNT: Final = r"[A-Za-z0-9_.:-]{1,320}"
# 18 digits before the point are what the ledger's database holds.
AMOUNT: Final = {currency: rf"(?:0|[1-9][0-9]{{0,17}})\.[0-9]{{{digits}}}" for currency, digits in CURRENCIES.items()}


@dataclass(frozen=True, slots=True)
class Shape:
    """Fields that must be there, and those that may; `moves` gives (source, target) of the money, per step if any."""

    fields: dict[str, str]
    optional: dict[str, str] = field(default_factory=dict)
    moves: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def moves_money(self) -> bool:
        return bool(self.moves)


NO_STEP: Final = ""
_AVAILABLE: Final = "program:{program_id}:available"
_COMMITTED: Final = "program:{program_id}:committed:{award_id}"
_DONOR: Final = "external:donor:{donor_id}"
_BENEFICIARY: Final = "beneficiary:{beneficiary_id}"
_CLEARING: Final = "bank:clearing"
_STEP: Final = "sent|completed|failed"
_AWARD: Final = {"award_id": ID, "program_id": ID, "beneficiary_id": ID}

SHAPES: Final[dict[str, Shape]] = {
    "program_create": Shape({"program_id": ID, "currency": "|".join(CURRENCIES)}),
    "donation": Shape(
        {"donor_id": ID, "program_id": ID}, optional={"earmark": ID}, moves={NO_STEP: (_DONOR, _AVAILABLE)}
    ),
    "commitment": Shape(_AWARD, moves={NO_STEP: (_AVAILABLE, _COMMITTED)}),
    "decommitment": Shape(_AWARD, moves={NO_STEP: (_COMMITTED, _AVAILABLE)}),
    "decision": Shape(
        {
            "application_id": ID,
            "program_id": ID,
            "outcome": "approved|rejected",
            "submission_sha256": HASH,
            "reviews": COUNT,
            "final_score": DECIMAL,
            "decider_id": ID,
        },
        optional={"award_id": ID},
    ),
    "interview": Shape(
        {
            "application_id": ID,
            "transcript_sha256": HASH,
            "messages": COUNT,
            "model": WORD,
            "prompt_version": WORD,
        }
    ),
    "disbursement": Shape(
        _AWARD | {"transaction_id": ID, "step": _STEP, "tranche_id": ID, "payee_commitment": HASH},
        moves={
            "sent": (_COMMITTED, _CLEARING),
            "completed": (_CLEARING, _BENEFICIARY),
            "failed": (_CLEARING, _COMMITTED),
        },
    ),
    "refund": Shape(
        {"transaction_id": ID, "step": _STEP, "donation_id": ID, "donor_id": ID, "program_id": ID},
        moves={
            "sent": (_AVAILABLE, _CLEARING),
            "completed": (_CLEARING, _DONOR),
            "failed": (_CLEARING, _AVAILABLE),
        },
    ),
    "reversal": Shape(_AWARD | {"disbursement_id": ID, "code": WORD}, moves={NO_STEP: (_BENEFICIARY, _COMMITTED)}),
    "exception": Shape({"event_id": ID, "event_type": WORD, "event_hash": HASH, "code": WORD}),
}
