"""What is about to become a block: type, id, data and entry, one constructor for each type."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from ledger.domain import accounts
from ledger.domain.accounts import Entry
from ledger.domain.block_data import MONEY_TYPES, encode_data, money_data
from ledger.domain.moves import accounts_of
from ledger.domain.refusals import BadShapeError

# What a block of money says besides; what is None is left out.
Fields = Mapping[str, str | UUID | None]


class Draft(NamedTuple):
    """A block without its place: index, time, previous hash and nonce are given under the writer's lock.

    `data_text` is the canonical encoding of its data.
    """

    transaction_type: str
    transaction_id: str
    data_text: str
    entry: Entry | None

    @property
    def data(self) -> dict[str, Any]:
        """Parsed again at each look: for those who read, not for those who append."""
        data: dict[str, Any] = orjson.loads(self.data_text)
        return data


class AwardReference(NamedTuple):
    """Which award, in the ledger's own ids; as fields of a block, under these names."""

    award_id: UUID
    program_id: UUID
    beneficiary_id: UUID

    def fields(self) -> Fields:
        return {"award_id": self.award_id, "program_id": self.program_id, "beneficiary_id": self.beneficiary_id}


def _draft(transaction_type: str, transaction_id: str, data: Mapping[str, Any], entry: Entry | None = None) -> Draft:
    """Raises BadShapeError when the data is not that of its type."""
    data_text = encode_data(transaction_type, data)
    if (entry is not None) is not (transaction_type in MONEY_TYPES):
        raise BadShapeError(f"{transaction_type}: money moves by an entry, and only money does")
    return Draft(transaction_type, transaction_id, data_text, entry)


def _money(
    transaction_type: str,
    transaction_id: str,
    amount: Decimal,
    currency: str,
    fields: Fields,
) -> Draft:
    """Money between the accounts that the fields say (`MOVES`)."""
    source, target = accounts_of(transaction_type, fields)
    entry = accounts.move(amount, currency, source=source, target=target)
    return _draft(transaction_type, transaction_id, money_data(amount, entry, **fields), entry)


def program_create(event_id: UUID, program_id: UUID, currency: str) -> Draft:
    return _draft("program_create", str(event_id), {"program_id": program_id, "currency": currency})


def donation(
    transaction_id: UUID, *, donor_id: UUID, program_id: UUID, amount: Decimal, currency: str, earmark: UUID | None
) -> Draft:
    fields: Fields = {"donor_id": donor_id, "program_id": program_id, "earmark": earmark}
    return _money("donation", str(transaction_id), amount, currency, fields)


def commitment(event_id: UUID, award: AwardReference, amount: Decimal, currency: str) -> Draft:
    return _money("commitment", str(event_id), amount, currency, award.fields())


def decommitment(event_id: UUID, award: AwardReference, amount: Decimal, currency: str) -> Draft:
    return _money("decommitment", str(event_id), amount, currency, award.fields())


class DisbursementReference(NamedTuple):
    """Which disbursement of which tranche, to whom (as a salted commitment), how much."""

    transaction_id: UUID
    award: AwardReference
    tranche_id: UUID
    payee_commitment: str
    amount: Decimal
    currency: str


def disbursement(reference: DisbursementReference, step: str) -> Draft:
    """`step`: sent, completed or failed."""
    fields: Fields = {
        "transaction_id": reference.transaction_id,
        "step": step,
        "tranche_id": reference.tranche_id,
        "payee_commitment": reference.payee_commitment,
        **reference.award.fields(),
    }
    return _money("disbursement", f"{reference.transaction_id}:{step}", reference.amount, reference.currency, fields)


def reversal(reference: DisbursementReference, code: str) -> Draft:
    """The bank returned it. One disbursement is returned at most once: so its id says."""
    fields: Fields = {"disbursement_id": reference.transaction_id, "code": code, **reference.award.fields()}
    return _money("reversal", f"{reference.transaction_id}:reversed", reference.amount, reference.currency, fields)


class RefundReference(NamedTuple):
    """Which refund of which donation, to which donor, how much."""

    transaction_id: UUID
    donation_id: UUID
    donor_id: UUID
    program_id: UUID
    amount: Decimal
    currency: str


def refund(reference: RefundReference, step: str) -> Draft:
    """`step`: sent, completed or failed."""
    fields: Fields = {
        "transaction_id": reference.transaction_id,
        "step": step,
        "donation_id": reference.donation_id,
        "donor_id": reference.donor_id,
        "program_id": reference.program_id,
    }
    return _money("refund", f"{reference.transaction_id}:{step}", reference.amount, reference.currency, fields)


def decision(
    event_id: UUID,
    *,
    application_id: UUID,
    program_id: UUID,
    outcome: str,
    submission_sha256: str,
    reviews: int,
    final_score: Decimal,
    decider_id: UUID,
    award_id: UUID | None,
) -> Draft:
    data: dict[str, Any] = {
        "application_id": application_id,
        "program_id": program_id,
        "outcome": outcome,
        "submission_sha256": submission_sha256,
        "reviews": reviews,
        "final_score": f"{final_score:.2f}",
        "decider_id": decider_id,
    }
    return _draft("decision", str(event_id), data if award_id is None else data | {"award_id": award_id})


def interview(
    event_id: UUID, *, application_id: UUID, transcript_sha256: str, messages: int, model: str, prompt_version: str
) -> Draft:
    data = {
        "application_id": application_id,
        "transcript_sha256": transcript_sha256,
        "messages": messages,
        "model": model,
        "prompt_version": prompt_version,
    }
    return _draft("interview", str(event_id), data)


def exception(event_id: UUID, *, event_type: str, event_hash: str, code: str) -> Draft:
    """A fact that cannot be booked as asked is still recorded: nothing is dropped in silence."""
    data = {"event_id": event_id, "event_type": event_type, "event_hash": event_hash, "code": code}
    return _draft("exception", str(event_id), data)
