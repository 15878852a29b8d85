"""The quick look at bytes passes nothing that the exact one refuses, and everything that the ledger writes.

What the database says of the columns beside them is in `integration/test_quick_look.py`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import canonical, drafts
from ledger.domain.block import NO_PREVIOUS_HASH, Block, make_block, parse_preimage
from ledger.domain.block_data import MONEY_TYPES, check_shape, entry_of
from ledger.domain.block_screening import FORMS, SEPARATOR, Link, Screening, screen
from ledger.domain.drafts import AwardReference, DisbursementReference, Draft, RefundReference
from ledger.domain.merkle import leaf_hash
from ledger.domain.refusals import NotCanonicalError, RefusalError
from ledger.domain.verification import Check, StoredBlock, check_block, first_failure

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


def chain() -> list[Block]:
    blocks: list[Block] = []
    for index, draft in enumerate(DRAFTS):
        blocks.append(sealed(draft, index, blocks[-1].hash if blocks else NO_PREVIOUS_HASH))
    return blocks


def look(blocks: Sequence[Block]) -> Screening:
    joined, hashes = SEPARATOR.join(block.preimage for block in blocks), " ".join(block.hash for block in blocks)
    seen = screen(joined, hashes, len(blocks), 0, Link(NO_PREVIOUS_HASH, "", 0))
    assert seen is not None
    return seen


def of_bytes(preimage: bytes) -> Block:
    """The block of these bytes, canonical or not, under their own hash."""
    return sealed(DRAFTS[0])._replace(preimage=preimage, hash=sha256(preimage).hexdigest())


def test_everything_the_ledger_writes_passes_at_speed():
    blocks = chain()
    seen = look(blocks)
    assert seen.suspects == set()
    assert seen.leaves == [leaf_hash(block.preimage) for block in blocks]
    assert seen.strangers == []
    ids = [identity.decode() for found in seen.ids.values() for identity in found]
    assert sorted(ids) == sorted(block.transaction_id for block in blocks)
    # A decision's event says its outcome; what moves in steps has ids that are no event's.
    assert {("decision", "approved"), ("decision", "rejected"), ("disbursement", None)} <= seen.ids.keys()
    moved = [str(block.block_index) for block in blocks if "postings" in block.data]
    assert [move.block_index for move in seen.moves] == moved
    sent = next(move for move in seen.moves if blocks[int(move.block_index)].transaction_id == f"{D}:sent")
    assert sent[1:] == ("12.30", f"program:{B}:committed:{A}", "bank:clearing")
    tip = blocks[-1]
    assert seen.last == Link(tip.hash, tip.timestamp.isoformat().removesuffix("+00:00"), tip.nonce)


def test_every_form_is_written_by_a_draft():
    written = {(draft.transaction_type, frozenset(draft.data)) for draft in DRAFTS}
    assert written == {(kind, frozenset(fields)) for kind, fields in FORMS}


def as_stored(block: Block) -> StoredBlock:
    """As the database holds these bytes where its columns and postings are what they say."""
    parsed = parse_preimage(block.preimage)
    try:
        check_shape(parsed.transaction_type, parsed.data)
        entry = entry_of(parsed.data) if parsed.transaction_type in MONEY_TYPES else None
    except (RefusalError, TypeError, ValueError, KeyError, ArithmeticError):
        entry = None  # the bytes are refused themselves
    postings = tuple((entry.currency, each) for each in entry.postings) if entry else ()
    return StoredBlock(*parsed[:6], block.hash, parsed.nonce, block.preimage, postings)


def exact(block: Block, before: Block) -> bool:
    """Whether `check_block` finds nothing wrong where columns and postings are what the bytes say."""
    return first_failure(check_block(as_stored(block), as_stored(before))) is None


def can_be_told(preimage: bytes) -> bool:
    """Whether there are columns from which the database would make these bytes: see `adapters/block_columns.py`."""
    try:
        parsed = parse_preimage(preimage)
    except NotCanonicalError:
        return False
    lines = parsed.data.get("postings", [])
    if not all(isinstance(line, dict) and line.keys() == {"account", "amount"} for line in lines):
        return False
    return any(parsed.transaction_type == kind and parsed.data.keys() == fields.keys() for kind, fields in FORMS)


# Other bytes of the same outline above all: hexadecimal digits, in words, numbers and amounts too.
LETTERS = st.sampled_from(b'0000011123456789aaabbbcdefef.-:"\\ {},Zs')


@given(st.data())
def test_bytes_that_columns_could_say_are_passed_only_if_the_exact_look_passes_them(data):
    position = data.draw(st.integers(1, len(DRAFTS) - 1), "block")
    blocks = chain()[: position + 1]
    changed = bytearray(blocks[position].preimage)
    for _ in range(data.draw(st.integers(1, 3), "changes")):
        changed[data.draw(st.integers(0, len(changed) - 1), "at")] = data.draw(LETTERS, "letter")
    blocks[position] = blocks[position]._replace(preimage=bytes(changed), hash=sha256(changed).hexdigest())
    passed = position not in look(blocks).suspects
    if can_be_told(bytes(changed)):
        assert not passed or exact(blocks[position], blocks[position - 1])


@given(st.integers(1, len(DRAFTS) - 1), st.data())
def test_values_that_look_alike_are_passed_only_if_the_exact_look_passes_them(position, data):
    """Each field is given other letters of its length, as no change of single bytes would."""
    blocks = chain()[: position + 1]
    fields = dict(blocks[position].data)
    name = data.draw(st.sampled_from(sorted(fields.keys() - {"postings"})), "field")
    letters = st.sampled_from("0123456789abcdef") if data.draw(st.booleans()) else st.sampled_from("019ae.-:ts")
    old = str(fields[name])
    text = "".join(data.draw(letters) if letter in "0123456789abcdef" else letter for letter in old)
    fields[name] = int(text) if isinstance(fields[name], int) and text.isdigit() else text
    sealed_fields = {
        field: getattr(blocks[position], field) for field in Block._fields[: Block._fields.index("preimage")]
    }
    blocks[position] = make_block(**(sealed_fields | {"data": fields}))
    seen = look(blocks)
    assert position in seen.suspects or exact(blocks[position], blocks[position - 1])


@given(st.integers(0, len(DRAFTS) - 1), st.sampled_from(["hash", "previous_hash", "block_index", "nonce", "timestamp"]))
def test_a_block_that_does_not_continue_the_one_before_it_is_looked_at_exactly(position, column):
    blocks = chain()
    block = blocks[position]
    if column == "hash":
        blocks[position] = block._replace(hash="a" * 64)
    else:
        wrong = {
            "previous_hash": "a" * 64,
            "block_index": position + 1,
            "nonce": block.nonce - 1,
            "timestamp": block.timestamp - timedelta(microseconds=1),
        }
        fields = {name: getattr(block, name) for name in Block._fields if name not in {"hash", "preimage"}}
        if column == "nonce" and not block.nonce:
            return
        blocks[position] = make_block(**(fields | {column: wrong[column]}))
    seen = look(blocks)
    expected = {position}
    if column == "timestamp" and not position:  # before the first there is nothing
        expected = set()
    if column == "nonce" and position and blocks[position - 1].nonce < block.nonce:  # its writer took over there
        expected = set()
    assert expected <= seen.suspects


@pytest.mark.parametrize(
    "amount", ["0.00", "-1.00", "01.00", "1.0", "1", "1.000", "1e2", "a.00", "5.0a", "10000000000000000000.00"]
)
def test_an_amount_that_is_not_written_as_money_is_looked_at_exactly(amount):
    text = sealed(DRAFTS[3]).preimage.decode().replace('"5.00"', f'"{amount}"').replace('"-5.00"', f'"-{amount}"')
    look(chain())
    assert look([of_bytes(text.encode())]).suspects == {0}


@pytest.mark.parametrize(
    ("position", "written", "forged"),
    [
        (3, '"amount":"5.00"}]', '"amount":"6.00"}]'),
        (3, '"amount":"-5.00"', '"amount":"-6.00"'),
        (5, '"outcome":"approved"', '"outcome":"bpproved"'),
        (5, '"final_score":"76.50"', '"final_score":"7f.50"'),
        (5, '"final_score":"76.50"', '"final_score":"06.50"'),
        (7, '"messages":0', '"messages":01'),
        (7, '"messages":0', '"messages":9007199254740992'),
        (8, '"step":"sent"', '"step":"sfnt"'),
        (0, f'"transaction_id":"{A}"', '"transaction_id":"x","y":"z"'),
        (0, f'"transaction_id":"{A}"', '"transaction_id":"\\u0041"'),
        (0, "2026-01-02T03:04:05.000060Z", "12026-01-0T 03:04:05.00006Z"),
        (0, "2026-01-02T03:04:05.000060Z", "12026-01-02T03:04:05.000060Z"),
    ],
)
def test_what_is_nearly_of_a_form_is_looked_at_exactly(position, written, forged):
    preimage = sealed(DRAFTS[position]).preimage
    assert written.encode() in preimage
    look(chain())  # all forms are known by now
    assert look([of_bytes(preimage.replace(written.encode(), forged.encode()))]).suspects == {0}


MONEY = [position for position, draft in enumerate(DRAFTS) if draft.entry is not None]


@pytest.mark.parametrize("line", [0, 1])
@pytest.mark.parametrize("position", MONEY)
def test_money_goes_between_the_accounts_that_the_fields_say(position, line):
    """Balanced, well formed, and signed for all we know: and still somebody else's account."""
    right = sealed(DRAFTS[position])
    own = right.data["postings"][line]["account"]
    for account in (own[: -len(str(D))] + str(D), "bank:clearing", f"beneficiary:{D}", f"program:{D}:available"):
        if account == own:
            continue
        postings = [dict(each) for each in right.data["postings"]]
        postings[line]["account"] = account
        data = canonical.encode({**right.data, "postings": postings}).decode()
        block = sealed(DRAFTS[position]._replace(data_text=data))
        assert look([block]).suspects == {0}, account
        failed = first_failure(check_block(as_stored(block), None))
        assert failed is not None, account
        assert failed.name == "postings"
        assert (failed.detail or "").startswith("its money goes from ")


def test_postings_in_another_order_or_more_of_them_are_the_same_move():
    right = sealed(DRAFTS[3])
    source, target = right.data["postings"]
    more = [{**target, "amount": "2.00"}, source, {**target, "amount": "3.00"}]
    for postings in ([target, source], more):
        data = canonical.encode({**right.data, "postings": postings}).decode()
        block = sealed(DRAFTS[3]._replace(data_text=data))
        assert look([block]).suspects == {0}, "no form of ours: it is looked at exactly"
        assert first_failure(check_block(as_stored(block), as_stored(block))) == Check(
            "link", ok=False, detail="the block before it is missing"
        )


def test_bytes_with_a_separator_in_them_are_not_taken_for_two_blocks():
    first, second = chain()[:2]
    both = first._replace(preimage=first.preimage + SEPARATOR + second.preimage)
    assert screen(both.preimage, both.hash, 1, 0, Link(NO_PREVIOUS_HASH, "", 0)) is None
