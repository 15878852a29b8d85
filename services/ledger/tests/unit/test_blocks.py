"""Blocks: the golden genesis, exact bytes, exact shapes."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import accounts, block, block_data, canonical, merkle
from ledger.domain.refusals import BadShapeError, NotCanonicalError

GOLDEN = Path(__file__).parents[1] / "data" / "impactnet-blocks"
ID = "0198c0de-0000-7000-8000-000000000001"


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SIZES = st.integers(0, canonical.INTEGER_MAX)


def donation(**changes):
    entry = accounts.move(Decimal("10.00"), "NGN", source=f"external:donor:{ID}", target=f"program:{ID}:available")
    return block_data.money_data(Decimal(10), entry, donor_id=ID, program_id=ID) | changes


def test_genesis_is_the_golden_block_byte_for_byte():
    genesis = block.genesis()
    assert genesis.preimage == (GOLDEN / "genesis.preimage").read_bytes()
    assert genesis.hash == (GOLDEN / "genesis.sha256").read_text().strip()
    assert genesis.leaf_hash == merkle.leaf_hash(genesis.preimage)
    block_data.check_shape("genesis", genesis.data)


@given(
    st.fixed_dictionaries(
        {
            "block_index": SIZES,
            "timestamp": st.datetimes(timezones=st.just(UTC)),
            "transaction_type": TEXTS,
            "transaction_id": TEXTS,
            "data": st.dictionaries(st.from_regex(r"[A-Za-z0-9_.:-]{1,9}", fullmatch=True), TEXTS | SIZES, max_size=4),
            "previous_hash": TEXTS,
            "nonce": SIZES,
        }
    )
)
def test_the_bytes_of_a_block_are_the_canonical_json_of_its_fields(fields):
    made = block.make_block(**fields)
    written = {**fields, "timestamp": block.format_timestamp(fields["timestamp"])}
    assert made.preimage == rfc8785.dumps(written) == canonical.encode(written)
    assert block.parse_preimage(made.preimage) == made


@pytest.mark.parametrize(
    "changes",
    [
        {"block_index": canonical.INTEGER_MAX + 1},
        {"nonce": canonical.INTEGER_MAX + 1},
        {"transaction_id": "\ud800"},
        {"data": {"share": 0.5}},
        {"data": {"text": "x" * canonical.SIZE_BYTES_MAX}},
    ],
)
def test_a_block_outside_the_profile_is_never_made(changes):
    fields = {"block_index": 1, "timestamp": datetime(2026, 5, 1, tzinfo=UTC), "transaction_type": "exception"}
    sound = fields | {"transaction_id": ID, "data": {}, "previous_hash": block.NO_PREVIOUS_HASH, "nonce": 1}
    with pytest.raises(NotCanonicalError):
        block.make_block(**(sound | changes))


def test_a_preimage_gives_back_its_block_and_nothing_else_does():
    genesis = block.genesis()
    assert block.parse_preimage(genesis.preimage) == genesis
    for broken in (
        genesis.preimage + b"\n",
        genesis.preimage.replace(b'"nonce":0', b'"nonce":0,"other":1'),
        genesis.preimage.replace(b"00.000000Z", b"00.00000Z"),
        genesis.preimage.replace(b"2026-01-01", b"2026-02-30"),
        b"[]",
    ):
        with pytest.raises(NotCanonicalError):
            block.parse_preimage(broken)


def test_time_in_the_chain_rises_by_at_least_a_microsecond_whatever_the_clock_says():
    previous = datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert block.next_timestamp(previous - timedelta(hours=1), previous) == previous + timedelta(microseconds=1)
    assert block.next_timestamp(previous, previous) == previous + timedelta(microseconds=1)
    later = previous + timedelta(seconds=1)
    assert block.next_timestamp(later, previous) == later


def test_time_is_written_in_utc_with_six_digits():
    lagos = timezone(timedelta(hours=1))
    moment = datetime(2026, 5, 1, 12, tzinfo=lagos)
    assert block.format_timestamp(moment) == "2026-05-01T11:00:00.000000Z"
    assert block.parse_timestamp("2026-05-01T11:00:00.000000Z") == moment
    with pytest.raises(NotCanonicalError, match="time zone"):
        block.format_timestamp(datetime(2026, 5, 1))  # noqa: DTZ001 -- that is the point
    for text in ("2026-05-01T11:00:00Z", "2026-05-01T11:00:00.5Z", "2026-5-01T11:00:00.000000Z", "yesterday"):
        with pytest.raises(NotCanonicalError):
            block.parse_timestamp(text)


def test_a_donation_has_exactly_its_fields():
    block_data.check_shape("donation", donation())
    block_data.check_shape("donation", donation(earmark=ID))
    assert block_data.entry_of(donation()).postings[1] == accounts.Posting(f"program:{ID}:available", Decimal(10))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"donor_name": "Acme"}, "does not belong"),
        ({"donor_id": "Acme"}, "donor_id"),
        ({"amount": "10"}, "exactly the currency's digits"),
        ({"amount": "11.00"}, "not the block's amount"),
        ({"amount": 10}, "amount"),
        ({"currency": "USD"}, "USD"),
        ({"postings": []}, "two postings"),
        ({"postings": [{"account": "a", "amount": "10.00"}, {"account": "b", "amount": "-9.00"}]}, "sum to"),
        ({"postings": [{"account": "a", "amount": "10.00", "note": "x"}]}, "postings"),
        ({"earmark": "schools"}, "earmark"),
    ],
)
def test_a_donation_of_another_shape_is_refused(changes, complaint):
    with pytest.raises(BadShapeError, match=complaint):
        block_data.check_shape("donation", donation(**changes))


def test_a_missing_field_and_an_unknown_type_are_refused():
    incomplete = donation()
    del incomplete["donor_id"]
    with pytest.raises(BadShapeError, match="donor_id is missing"):
        block_data.check_shape("donation", incomplete)
    with pytest.raises(BadShapeError, match="not a block type"):
        block_data.check_shape("loan", donation())


def test_the_types_are_those_of_the_contract():
    assert set(block_data.SHAPES) == {
        "genesis", "program_create", "donation", "commitment", "decommitment", "decision", "interview",
        "disbursement", "refund", "reversal", "exception",
    }  # fmt: skip
    assert {
        "donation", "commitment", "decommitment", "disbursement", "refund", "reversal"
    } == block_data.MONEY_TYPES  # fmt: skip
