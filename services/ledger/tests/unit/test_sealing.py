"""Blocks as they are sealed at speed: the bytes, the shapes and the times of the exact way, and nothing it refuses."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from asyncpg.pgproto import pgproto
from hypothesis import assume, given
from hypothesis import strategies as st

from ledger.domain import block, block_data, canonical, drafts
from ledger.domain.refusals import BadShapeError, NotCanonicalError

IDS = st.uuids()
HASHES = st.from_regex("[0-9a-f]{64}", fullmatch=True)
CODES = st.from_regex(r"[A-Za-z0-9_.:/-]{1,100}", fullmatch=True)
AMOUNTS = st.decimals(Decimal("0.01"), Decimal("999999999999999999.99"), places=2)
COUNTS = st.integers(0, canonical.INTEGER_MAX)
STEPS = st.sampled_from(["sent", "completed", "failed"])
AWARDS = st.builds(drafts.AwardReference, IDS, IDS, IDS)
PAYMENTS = st.builds(drafts.DisbursementReference, IDS, AWARDS, IDS, HASHES, AMOUNTS, st.just("NGN"))
REFUNDS = st.builds(drafts.RefundReference, IDS, IDS, IDS, IDS, AMOUNTS, st.just("NGN"))
SCORES = st.decimals(0, 100, places=2)
DRAFTS = st.one_of(
    st.builds(drafts.program_create, IDS, IDS, st.just("NGN")),
    st.builds(
        drafts.donation,
        IDS,
        donor_id=IDS,
        program_id=IDS,
        amount=AMOUNTS,
        currency=st.just("NGN"),
        earmark=st.none() | IDS,
    ),
    st.builds(drafts.commitment, IDS, AWARDS, AMOUNTS, st.just("NGN")),
    st.builds(drafts.decommitment, IDS, AWARDS, AMOUNTS, st.just("NGN")),
    st.builds(
        drafts.decision,
        IDS,
        application_id=IDS,
        program_id=IDS,
        outcome=st.sampled_from(["approved", "rejected"]),
        submission_sha256=HASHES,
        reviews=COUNTS,
        final_score=SCORES,
        decider_id=IDS,
        award_id=st.none() | IDS,
    ),
    st.builds(
        drafts.interview,
        IDS,
        application_id=IDS,
        transcript_sha256=HASHES,
        messages=COUNTS,
        model=CODES,
        prompt_version=CODES,
    ),
    st.builds(drafts.disbursement, PAYMENTS, STEPS),
    st.builds(drafts.reversal, PAYMENTS, CODES),
    st.builds(drafts.refund, REFUNDS, STEPS),
    st.builds(drafts.exception, IDS, event_type=CODES, event_hash=HASHES, code=CODES),
)
TIMES = st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31, 23, 59), timezones=st.just(UTC))  # noqa: DTZ001 -- the zone is beside it


@given(DRAFTS, TIMES, COUNTS, COUNTS, HASHES)
def test_a_sealed_block_is_the_block_of_its_fields(draft, moment, index, nonce, previous):
    sealed = block.seal_block(
        draft.transaction_type,
        draft.transaction_id,
        draft.data_text,
        block_index=index,
        timestamp=moment,
        time_text=block.Stamps().text_of(moment),
        previous_hash=previous,
        nonce=nonce,
    )
    made = block.make_block(
        block_index=index,
        timestamp=moment,
        transaction_type=draft.transaction_type,
        transaction_id=draft.transaction_id,
        data=draft.data,
        previous_hash=previous,
        nonce=nonce,
    )
    assert (sealed.preimage, sealed.hash) == (made.preimage, made.hash)
    assert block.parse_preimage(sealed.preimage) == made
    block_data.check_shape(draft.transaction_type, draft.data)


ODD = st.one_of(
    st.text(max_size=12),
    st.integers(),
    st.floats(allow_nan=False),
    st.none(),
    st.booleans(),
    st.lists(st.fixed_dictionaries({"account": st.text(max_size=5), "amount": st.text(max_size=5)}), max_size=2),
    st.sampled_from(
        ["\ud800", "0198C0DE-0000-7000-8000-000000000001", "\u0661" * 64, 'x","y":"z', "12\n", "-0.00", "007"]
    ),
)


@given(DRAFTS, st.data())
def test_the_pattern_of_a_shape_lets_nothing_pass_that_the_exact_look_refuses(draft, data):
    """And the other way round: what it does not know is looked at exactly, so the two always agree."""
    changed = draft.data
    name = data.draw(st.sampled_from([*changed, "award_id", "earmark", "step", "other"]))
    if data.draw(st.booleans()) and name in changed:
        del changed[name]
    else:
        changed[name] = data.draw(ODD)
    try:
        block_data.check_fields(draft.transaction_type, changed)
        exact = canonical.encode(changed).decode()
    except (BadShapeError, NotCanonicalError):
        with pytest.raises((BadShapeError, NotCanonicalError)):
            block_data.encode_data(draft.transaction_type, changed)
    else:
        assert block_data.encode_data(draft.transaction_type, changed) == exact


@given(st.sampled_from([*block_data.SHAPES, "gift"]), st.dictionaries(st.text(max_size=8), ODD, max_size=3))
def test_data_of_no_shape_at_all_is_refused(kind, data):
    assume(kind != "genesis")
    with pytest.raises((BadShapeError, NotCanonicalError)):
        block_data.encode_data(kind, data)


def test_ids_are_written_alike_whichever_class_they_have():
    text = "0198c0de-0000-7000-8000-000000000001"
    written = {
        block_data.encode_data("program_create", {"program_id": each, "currency": "NGN"})
        for each in (text, UUID(text), pgproto.UUID(text))
    }
    assert written == {f'{{"currency":"NGN","program_id":"{text}"}}'}


@given(st.lists(st.integers(0, 5 * 10**6), min_size=1, max_size=20), TIMES)
def test_times_one_after_the_other_are_written_as_each_alone(steps, start):
    assume(start.year < 9999)
    stamps, moment = block.Stamps(), start.astimezone(timezone(timedelta(hours=1)))
    for step in steps:
        moment += timedelta(microseconds=step)
        assert stamps.text_of(moment) == block.format_timestamp(moment)
