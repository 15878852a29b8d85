"""What is about to become a block: type, id, data and entry, one constructor for each type."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from ledger.domain import accounts
from ledger.domain.accounts import Entry
from ledger.domain.block_data import MONEY_TYPES, encode_data, money_data
from ledger.domain.refusals import BadShapeError


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

    def fields(self) -> dict[str, UUID]:
        return {"award_id": self.award_id, "program_id": self.program_id, "beneficiary_id": self.beneficiary_id}

    @property
    def committed(self) -> str:
        return accounts.committed(str(self.program_id), str(self.award_id))

    @property
    def available(self) -> str:
        return accounts.available(str(self.program_id))

    @property
    def beneficiary(self) -> str:
        return accounts.beneficiary(str(self.beneficiary_id))


def _draft(transaction_type: str, transaction_id: str, data: Mapping[str, Any], entry: Entry | None = None) -> Draft:
    """Raises BadShapeError when the data is not that of its type."""
    data_text = encode_data(transaction_type, data)
    if (entry is not None) is not (transaction_type in MONEY_TYPES):
        raise BadShapeError(f"{transaction_type}: money moves by an entry, and only money does")
    return Draft(transaction_type, transaction_id, data_text, entry)


def program_create(event_id: UUID, program_id: UUID, currency: str) -> Draft:
    return _draft("program_create", str(event_id), {"program_id": program_id, "currency": currency})


def donation(
    transaction_id: UUID, *, donor_id: UUID, program_id: UUID, amount: Decimal, currency: str, earmark: UUID | None
) -> Draft:
    source, target = accounts.donor(str(donor_id)), accounts.available(str(program_id))
    entry = accounts.move(amount, currency, source=source, target=target)
    data = money_data(
        amount,
        entry,
        donor_id=donor_id,
        program_id=program_id,
        earmark=earmark,
    )
    return _draft("donation", str(transaction_id), data, entry)


def commitment(event_id: UUID, award: AwardReference, amount: Decimal, currency: str) -> Draft:
    entry = accounts.move(amount, currency, source=award.available, target=award.committed)
    return _draft("commitment", str(event_id), money_data(amount, entry, **award.fields()), entry)


def decommitment(event_id: UUID, award: AwardReference, amount: Decimal, currency: str) -> Draft:
    entry = accounts.move(amount, currency, source=award.committed, target=award.available)
    return _draft("decommitment", str(event_id), money_data(amount, entry, **award.fields()), entry)


class DisbursementReference(NamedTuple):
    """Which disbursement of which tranche, to whom (as a salted commitment), how much."""

    transaction_id: UUID
    award: AwardReference
    tranche_id: UUID
    payee_commitment: str
    amount: Decimal
    currency: str


def disbursement(reference: DisbursementReference, step: str) -> Draft:
    """`sent`: committed -> clearing; `completed`: clearing -> beneficiary; `failed`: clearing -> committed."""
    award = reference.award
    source, target = {
        "sent": (award.committed, accounts.BANK_CLEARING),
        "completed": (accounts.BANK_CLEARING, award.beneficiary),
        "failed": (accounts.BANK_CLEARING, award.committed),
    }[step]
    entry = accounts.move(reference.amount, reference.currency, source=source, target=target)
    data = money_data(
        reference.amount,
        entry,
        transaction_id=reference.transaction_id,
        step=step,
        tranche_id=reference.tranche_id,
        payee_commitment=reference.payee_commitment,
        **award.fields(),
    )
    return _draft("disbursement", f"{reference.transaction_id}:{step}", data, entry)


def reversal(reference: DisbursementReference, code: str) -> Draft:
    """The bank returned it: beneficiary -> committed. One disbursement is returned at most once: so its id says."""
    award = reference.award
    entry = accounts.move(reference.amount, reference.currency, source=award.beneficiary, target=award.committed)
    data = money_data(reference.amount, entry, disbursement_id=reference.transaction_id, code=code, **award.fields())
    return _draft("reversal", f"{reference.transaction_id}:reversed", data, entry)


class RefundReference(NamedTuple):
    """Which refund of which donation, to which donor, how much."""

    transaction_id: UUID
    donation_id: UUID
    donor_id: UUID
    program_id: UUID
    amount: Decimal
    currency: str


def refund(reference: RefundReference, step: str) -> Draft:
    """`sent`: available -> clearing; `completed`: clearing -> donor; `failed`: clearing -> available."""
    available = accounts.available(str(reference.program_id))
    source, target = {
        "sent": (available, accounts.BANK_CLEARING),
        "completed": (accounts.BANK_CLEARING, accounts.donor(str(reference.donor_id))),
        "failed": (accounts.BANK_CLEARING, available),
    }[step]
    entry = accounts.move(reference.amount, reference.currency, source=source, target=target)
    data = money_data(
        reference.amount,
        entry,
        transaction_id=reference.transaction_id,
        step=step,
        donation_id=reference.donation_id,
        donor_id=reference.donor_id,
        program_id=reference.program_id,
    )
    return _draft("refund", f"{reference.transaction_id}:{step}", data, entry)


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
