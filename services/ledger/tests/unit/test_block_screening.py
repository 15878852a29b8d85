"""The quick look at blocks passes nothing that the exact one refuses, and nearly everything that it accepts."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import drafts
from ledger.domain.block import NO_PREVIOUS_HASH, Block, make_block
from ledger.domain.block_screening import BlockRow, Link, moment_of, screen
from ledger.domain.drafts import AwardReference, DisbursementReference, Draft, RefundReference
from ledger.domain.merkle import leaf_hash
from ledger.domain.verification import StoredBlock, check_block, first_failure

START = datetime(2026, 1, 2, 3, 4, 5, 60, tzinfo=UTC)
A, B, C, D = (UUID(f"00000000-0000-4000-8000-00000000000{digit}") for digit in "abcd")
AWARD = AwardReference(A, B, C)
PAID = DisbursementReference(D, AWARD, A, "f" * 64, Decimal("12.30"), "NGN")
GIVEN_BACK = RefundReference(D, A, B, C, Decimal("0.01"), "NGN")
DECIDED: dict[str, Any] = {
    "application_id": A, "program_id": B, "submission_sha256": "e" * 64, "reviews": 12, "final_score": Decimal("76.5"),
    "decider_id": C,
}  # fmt: skip
DRAFTS = [
    drafts.program_create(A, B, "NGN"),
    drafts.donation(A, donor_id=B, program_id=C, amount=Decimal(10), currency="NGN", earmark=None),
    drafts.donation(B, donor_id=B, program_id=C, amount=Decimal("1000000.05"), currency="NGN", earmark=D),
    drafts.commitment(A, AWARD, Decimal("5.00"), "NGN"),
    drafts.decommitment(B, AWARD, Decimal("5.00"), "NGN"),
    drafts.decision(A, **DECIDED, outcome="approved", award_id=D),
    drafts.decision(B, **DECIDED, outcome="rejected", award_id=None),
    drafts.interview(A, application_id=B, transcript_sha256="a" * 64, messages=0, model="gpt-x/1", prompt_version="2"),
    *(drafts.disbursement(PAID, step) for step in ("sent", "completed", "failed")),
    *(drafts.refund(GIVEN_BACK, step) for step in ("sent", "completed", "failed")),
    drafts.reversal(PAID, "returned_by_bank"),
    drafts.exception(A, event_type="applications.award_proposed.v1", event_hash="b" * 64, code="already_paid"),
]


def sealed(draft: Draft, index: int = 0, previous: str = NO_PREVIOUS_HASH) -> Block:
    return make_block(
        block_index=index,
        timestamp=START + timedelta(microseconds=index),
        transaction_type=draft.transaction_type,
        transaction_id=draft.transaction_id,
        data=draft.data,
        previous_hash=previous,
        nonce=index // 3,
    )


def jsonb(value: object) -> str:
    """As PostgreSQL writes it: keys by length, then by bytes; a space after each comma and colon."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: (len(key), key))
        return "{" + ", ".join(f"{orjson.dumps(key).decode()}: {jsonb(value[key])}" for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(jsonb(item) for item in value) + "]"
    return orjson.dumps(value).decode()


def row_of(block: Block) -> BlockRow:
    stamp = block.timestamp.isoformat(sep=" ", timespec="microseconds").removesuffix("+00:00").rstrip("0") + "+00"
    return BlockRow(
        block.block_index,
        stamp,
        block.transaction_type,
        block.transaction_id,
        jsonb(dict(block.data)),
        block.previous_hash,
        block.hash,
        block.nonce,
        block.preimage,
    )


def chain() -> list[Block]:
    blocks: list[Block] = []
    for index, draft in enumerate(DRAFTS):
        blocks.append(sealed(draft, index, blocks[-1].hash if blocks else NO_PREVIOUS_HASH))
    return blocks


def test_everything_the_ledger_writes_passes_at_speed():
    blocks = chain()
    seen = screen([row_of(block) for block in blocks], Link(NO_PREVIOUS_HASH, "", 0))
    assert seen.suspects == []
    assert seen.leaves == [leaf_hash(block.preimage) for block in blocks]
    moved = [block.block_index for block in blocks if "postings" in block.data]
    assert [index for index, _ in seen.moves] == moved
    sent = next(move for index, move in seen.moves if blocks[index].transaction_id == f"{D}:sent")
    assert sent == ("NGN", "12.30", f"program:{B}:committed:{A}", "bank:clearing")
    assert (seen.last.hash, seen.last.nonce) == (blocks[-1].hash, blocks[-1].nonce)


@pytest.mark.parametrize(
    ("stamp", "moment"),
    [
        ("2026-01-01 00:00:00+00", "2026-01-01T00:00:00.000000"),
        ("2026-01-01 00:00:00.5+00", "2026-01-01T00:00:00.500000"),
        ("2026-12-31 23:59:59.000001+00", "2026-12-31T23:59:59.000001"),
    ],
)
def test_times_are_read_as_the_database_writes_them(stamp, moment):
    assert moment_of(stamp) == moment


def exact(row: BlockRow, before: Block) -> bool:
    """Whether `check_block` finds nothing wrong; postings are not looked at here, so they are as the bytes say."""
    data = orjson.loads(row.data)
    stored = StoredBlock(
        row.block_index,
        datetime.fromisoformat(moment_of(row.timestamp)).replace(tzinfo=UTC),
        row.transaction_type,
        row.transaction_id,
        data,
        row.previous_hash,
        row.hash,
        row.nonce,
        row.preimage,
    )
    previous = StoredBlock(
        before.block_index, before.timestamp, before.transaction_type, before.transaction_id, before.data,
        before.previous_hash, before.hash, before.nonce, before.preimage,
    )  # fmt: skip
    failed = first_failure([check for check in check_block(stored, previous) if check.name != "postings"])
    return failed is None


@given(st.data())
def test_what_is_changed_anywhere_is_never_passed_unless_the_exact_look_passes_it_too(data):
    position = data.draw(st.integers(1, len(DRAFTS) - 1), "block")
    blocks = chain()
    row = row_of(blocks[position])
    column = data.draw(st.sampled_from(BlockRow._fields), "column")
    value = getattr(row, column)
    if isinstance(value, int):
        changed = data.draw(st.integers(-2, 2**63 - 1), "value")
    else:
        at = data.draw(st.integers(0, len(value) - 1), "at")
        letter = data.draw(
            st.sampled_from(b'"\\ {}:,0123456789abcdefZ\n')
            if isinstance(value, bytes)
            else st.characters(codec="utf-8")
        )
        changed = value[:at] + (bytes([letter]) if isinstance(value, bytes) else letter) + value[at + 1 :]
    rows = [row_of(block) for block in blocks[: position + 1]]
    rows[position] = row._replace(**{column: changed})
    seen = screen(rows, Link(NO_PREVIOUS_HASH, "", 0))
    if position not in seen.suspects:
        assert changed == value or column == "data", "other bytes, or another time, are never the same"
        assert exact(rows[position], blocks[position - 1])


@pytest.mark.parametrize("amount", ["0.00", "-1.00", "01.00", "1.0", "1", "1.000", "1e2", "10000000000000000000.00"])
def test_an_amount_that_is_not_written_as_money_is_looked_at_exactly(amount):
    block = sealed(DRAFTS[3])
    text = block.preimage.decode().replace('"5.00"', f'"{amount}"').replace('"-5.00"', f'"-{amount}"')
    fields = orjson.loads(text)
    forged = block._replace(data=fields["data"], preimage=text.encode())
    assert screen([row_of(forged)], Link(NO_PREVIOUS_HASH, "", 0)).suspects == [0]


@pytest.mark.parametrize(
    ("stamp", "written"),
    [
        ("12026-01-02 03:04:05.00006+00", "12026-01-0T 03:04:05.00006Z"),
        ("12026-01-02 03:04:05.5+00", "12026-01-02T03:04:05.500000Z"),
        ("2026-01-02T03:04:05.000061+00", "2026-01-02T03:04:05.000061Z"),
    ],
)
def test_a_time_that_no_block_has_is_looked_at_exactly_even_where_the_bytes_agree(stamp, written):
    block = sealed(DRAFTS[0])
    preimage = block.preimage.replace(b"2026-01-02T03:04:05.000060Z", written.encode())
    row = row_of(block._replace(preimage=preimage, hash=sha256(preimage).hexdigest()))._replace(timestamp=stamp)
    assert screen([row], Link(NO_PREVIOUS_HASH, "", 0)).suspects == [0]


def test_an_id_that_would_say_more_than_an_id_is_looked_at_exactly():
    """`x","transaction_type":"...` inside an id would make other bytes of the same text."""
    block = sealed(DRAFTS[0])
    forged = block._replace(transaction_id='x","y":"z')
    assert screen([row_of(forged)], Link(NO_PREVIOUS_HASH, "", 0)).suspects == [0]
