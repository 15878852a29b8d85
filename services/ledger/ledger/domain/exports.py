"""What exports say of blocks: rows of a CSV file, grants of the 360Giving standard. From the blocks' bytes alone."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import orjson

from ledger.domain.block_data import MONEY_TYPES
from ledger.domain.money import format_amount

# Part of every ETag. A change of the code that would change the bytes of an old height needs a new version here.
CSV_VERSION: Final = 1
GRANTS_VERSION: Final = 1
PREIMAGES_VERSION: Final = 1

COLUMNS: Final = (
    "block_index",
    "timestamp",
    "transaction_type",
    "step",
    "transaction_id",
    "amount",
    "currency",
    "from_account",
    "to_account",
    "program_id",
    "award_id",
    "tranche_id",
    "beneficiary_id",
    "donor_id",
    "donation_id",
    "earmark",
    "code",
    "hash",
    "previous_hash",
)
# Copied from a block's data under their own names.
_FROM_DATA: Final = (
    "step",
    "amount",
    "currency",
    "program_id",
    "award_id",
    "tranche_id",
    "beneficiary_id",
    "donor_id",
    "donation_id",
    "earmark",
    "code",
)
# A spreadsheet takes a cell that begins like this for a formula.
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")

# The standard's identifiers begin with the publisher's prefix; a setting could change, and old bytes with it.
PREFIX: Final = "360G-impactnet"
STANDARD_VERSION: Final = "1.4"


def read_block(preimage: bytes) -> dict[str, Any]:
    """The seven fields; the bytes come from our own table and are not checked again."""
    fields: dict[str, Any] = orjson.loads(preimage)
    return fields


def csv_header() -> bytes:
    return _csv([COLUMNS])


def csv_rows(blocks: Iterable[tuple[Mapping[str, Any], str]]) -> bytes:
    """RFC 4180: one line for every block that moves money, each block with its hash."""
    return _csv(_row(block, block_hash) for block, block_hash in blocks if block["transaction_type"] in MONEY_TYPES)


def _row(block: Mapping[str, Any], block_hash: str) -> list[str]:
    data = block["data"]
    values = {name: data.get(name, "") for name in _FROM_DATA}
    values |= {name: block[name] for name in ("block_index", "timestamp", "transaction_type", "previous_hash")}
    values |= {
        # A payment's blocks share its id: what the block adds after the colon is the step.
        "transaction_id": block["transaction_id"].partition(":")[0],
        "from_account": ";".join(line["account"] for line in data["postings"] if line["amount"].startswith("-")),
        "to_account": ";".join(line["account"] for line in data["postings"] if not line["amount"].startswith("-")),
        "hash": block_hash,
    }
    return [_cell(str(values[name])) for name in COLUMNS]


def _cell(value: str) -> str:
    return f"'{value}" if value.startswith(_FORMULA_STARTS) else value


def _csv(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def package_head(height: int, issued: str) -> bytes:
    """The package up to its first grant. `issued`: the last block's time."""
    head = {
        "version": STANDARD_VERSION,
        "identifier": f"{PREFIX}-height-{height}",
        "title": f"ImpactNet awards in blocks 0 to {height - 1}",
        "description": (
            "Every award that ImpactNet's ledger holds, with what was paid of it, as the first blocks of the chain say."
            " Everything personal is left out: recipients are people and appear under random identifiers only, donors"
            " do not appear. Each amount can be checked against the signed log, block by block."
        ),
        "issued": issued,
        "publisher": {"name": "ImpactNet"},
    }
    return orjson.dumps(head).removesuffix(b"}") + b',"grants":['


PACKAGE_END: Final = b"]}\n"


def grant(commitment: Mapping[str, Any], later: Sequence[Mapping[str, Any]]) -> bytes:
    """A grant of the standard: a commitment, and the blocks after it that moved its money, in order.

    What was given back to the programme and what the bank returned are transactions with negative values, so that the
    sums are what was awarded and what was paid.
    """
    data = commitment["data"]
    currency, award_id = data["currency"], data["award_id"]
    committed = [(block, _committed(block)) for block in (commitment, *later) if _committed(block)]
    paid = [(block, _paid(block)) for block in later if _paid(block)]
    fields = {
        "id": f"{PREFIX}-{award_id}",
        "title": f"ImpactNet award {award_id}",
        "description": (
            f"{currency} {data['amount']} committed to a person, in block {commitment['block_index']}"
            " of ImpactNet's ledger."
        ),
        "currency": currency,
        "amountAwarded": _sum(committed, currency),
        "amountDisbursed": _sum(paid, currency),
        # With its time: the schema takes a bare date for two formats at once where formats are not looked at.
        "awardDate": commitment["timestamp"],
        "recipientIndividual": {"id": f"{PREFIX}-{data['beneficiary_id']}", "name": "Individual recipient"},
        "fundingOrganization": [{"id": PREFIX, "name": "ImpactNet"}],
        "grantProgramme": [{"code": data["program_id"]}],
        "commitmentTransaction": [_transaction(block, amount) for block, amount in committed],
        "disbursementTransaction": [_transaction(block, amount) for block, amount in paid],
        "dateModified": (later[-1] if later else commitment)["timestamp"],
    }
    return orjson.dumps(fields)


def _committed(block: Mapping[str, Any]) -> Decimal:
    sign = {"commitment": 1, "decommitment": -1}.get(block["transaction_type"], 0)
    return sign * Decimal(block["data"]["amount"])


def _paid(block: Mapping[str, Any]) -> Decimal:
    kind, data = block["transaction_type"], block["data"]
    if kind == "disbursement" and data["step"] == "completed":
        return Decimal(data["amount"])
    return -Decimal(data["amount"]) if kind == "reversal" else Decimal(0)


def _sum(moves: Sequence[tuple[Mapping[str, Any], Decimal]], currency: str) -> orjson.Fragment:
    return _number(sum((amount for _, amount in moves), Decimal(0)), currency)


def _transaction(block: Mapping[str, Any], amount: Decimal) -> dict[str, Any]:
    return {
        "id": f"{PREFIX}-{block['transaction_id']}",
        "transactionDate": block["timestamp"],
        "currency": block["data"]["currency"],
        "value": _number(amount, block["data"]["currency"]),
        "description": f"{block['transaction_type']}, block {block['block_index']}",
    }


def _number(amount: Decimal, currency: str) -> orjson.Fragment:
    """A JSON number with exactly the currency's digits; no float comes near it."""
    return orjson.Fragment(format_amount(amount, currency).encode())
