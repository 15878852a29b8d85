"""What a single block cannot have or be, each refused by name at its place."""

import json
import re
from typing import Any

import pytest
from shared.verify.tests.audited_logs import INTERVIEW, audited, without
from shared.verify.tests.logs import (
    AVAILABLE,
    DONOR,
    PROGRAM,
    Log,
    commitment,
    decision,
    disbursement,
    donation,
    money,
)

from impactnet_verify.failures import NotVerifiedError
from impactnet_verify.quick_blocks import find_block

# Each is refused at block 1, directly behind the genesis block.
BROKEN_BLOCKS: dict[str, tuple[tuple[str, str, dict[str, Any]], dict[str, Any], str]] = {
    "an index too high": (("donation", "t", donation()), {"block_index": 2}, "block_index: it says 2"),
    "an index that is no integer": (("donation", "t", donation()), {"block_index": "1"}, "block_index: not an integer"),
    "a boolean for an index": (("donation", "t", donation()), {"block_index": True}, "block_index: not an integer"),
    "another previous hash": (
        ("donation", "t", donation()),
        {"previous_hash": "0" * 64},
        "previous_hash: not the hash",
    ),
    "a previous hash in upper case": (
        ("donation", "t", donation()),
        {"previous_hash": "A" * 64},
        "previous_hash: not of",
    ),
    "a time before": (
        ("donation", "t", donation()),
        {"timestamp": "2025-12-31T23:59:59.999999Z"},
        "timestamp: .* after",
    ),
    "the same time": (
        ("donation", "t", donation()),
        {"timestamp": "2026-01-01T00:00:00.000000Z"},
        "timestamp: .* after",
    ),
    "a time of five digits": (
        ("donation", "t", donation()),
        {"timestamp": "2026-01-01T00:00:01.00000Z"},
        "timestamp: not",
    ),
    "a time with an offset": (
        ("donation", "t", donation()),
        {"timestamp": "2026-01-01T00:00:01.000000+00:00"},
        "timestamp: not",
    ),
    "a day that is none": (
        ("donation", "t", donation()),
        {"timestamp": "2026-02-29T00:00:01.000000Z"},
        "timestamp: no such day",
    ),
    "a leap second": (("donation", "t", donation()), {"timestamp": "2026-06-30T23:59:60.000000Z"}, "timestamp: not"),
    "a negative nonce": (("donation", "t", donation()), {"nonce": -1}, "nonce: not an integer"),
    "an eighth field": (("donation", "t", donation()), {"hash": "0" * 64}, "fields: a block has exactly its seven"),
    "an id with a space": (("donation", "t t", donation()), {}, "transaction_id: not of its form"),
    "an id too long": (("donation", "t" * 101, donation()), {}, "transaction_id: not of its form"),
    "an unknown type": (("gift", "t", donation()), {}, "transaction_type: 'gift' is none"),
    "a type that is no text": (("donation", "t", donation()), {"transaction_type": ["donation"]}, "transaction_type: "),
    "a second genesis": (("genesis", "genesis", {"profile": "impactnet-jcs-1"}), {}, "genesis: not the one"),
    "data that is a list": (("donation", "t", donation()), {"data": []}, "data: not an object"),
    "a field left out": (
        ("donation", "t", without(donation(), "donor_id")),
        {},
        r"data\.donor_id: missing in a donation",
    ),
    "no amount": (("donation", "t", without(donation(), "amount")), {}, r"data\.amount: missing"),
    "no postings": (("donation", "t", without(donation(), "postings")), {}, r"data\.postings: missing"),
    "a field too much": (("donation", "t", donation(note="hello")), {}, r"data\.note: does not belong"),
    "money where none moves": (
        ("program_create", "t", {"program_id": PROGRAM} | money("1.00", "a", "b")),
        {},
        r"data\.amount: does not belong",
    ),
    "an id that is an address": (("donation", "t", donation(donor_id="amina@x.ng")), {}, r"data\.donor_id: not of its"),
    "a null for an id": (("donation", "t", donation(earmark=None)), {}, r"data\.earmark: not of its form"),
    "a foreign currency": (("donation", "t", donation(currency="USD")), {}, r"data\.currency: not one of"),
    "one digit too few": (("donation", "t", donation(amount="1000.0")), {}, r"data\.amount: .* exactly 2 digits"),
    "one digit too many": (("donation", "t", donation(amount="1000.000")), {}, r"data\.amount: .* exactly 2 digits"),
    "a leading zero": (("donation", "t", donation(amount="01000.00")), {}, r"data\.amount: .* exactly 2 digits"),
    "an amount that is a number": (
        ("donation", "t", donation() | {"amount": 1000}),
        {},
        r"data\.amount: .* exactly 2 digits",
    ),
    "an amount with a sign": (("donation", "t", donation(amount="-1000.00")), {}, r"data\.amount: .* exactly 2 digits"),
    "an amount of nothing": (("donation", "t", donation("0.00")), {}, r"data\.amount: not more than zero"),
    "an amount of nineteen digits": (("donation", "t", donation("1" * 19 + ".00")), {}, r"data\.amount: .* exactly"),
    "another amount than its postings": (
        ("donation", "t", donation() | {"amount": "999.00"}),
        {},
        "postings: not 999.00 NGN",
    ),
    "postings that are no list": (("donation", "t", donation(postings={})), {}, "postings: not a list"),
    "one posting": (("donation", "t", donation(postings=donation()["postings"][:1])), {}, "postings: not a list"),
    "money from nowhere": (
        ("donation", "t", donation(postings=[{"account": AVAILABLE, "amount": "500.00"}] * 2)),
        {},
        "postings: they sum to 100000",
    ),
    "a posting with a currency": (
        ("donation", "t", donation(postings=[line | {"currency": "NGN"} for line in donation()["postings"]])),
        {},
        "postings: not account and amount",
    ),
    "a posting of nothing": (
        ("donation", "t", donation(postings=[*donation()["postings"], {"account": "a", "amount": "0.00"}])),
        {},
        "postings: an amount of zero",
    ),
    "a posting with a plus": (
        ("donation", "t", donation(postings=money("+1000.00", "a", "b")["postings"])),
        {},
        "postings: amount: not a decimal",
    ),
    "a donation to somebody": (
        ("donation", "t", donation(postings=money("1000.00", f"external:donor:{DONOR}", "beneficiary:me")["postings"])),
        {},
        f"postings: not 1000.00 NGN from external:donor:{DONOR} to {AVAILABLE}, as in a donation",
    ),
    "a commitment of money that is not there": (
        ("commitment", "t", commitment()),
        {},
        "balances: program:.* below zero",
    ),
    "a decision that decides nothing": (("decision", "t", decision(outcome="maybe")), {}, r"data\.outcome: not of its"),
    "a count below zero": (("decision", "t", decision(reviews=-1)), {}, r"data\.reviews: not an integer"),
    "a count that is a text": (("decision", "t", decision(reviews="2")), {}, r"data\.reviews: not an integer"),
    "a score that is a number": (
        ("decision", "t", decision(final_score=76)),
        {},
        r"data\.final_score: not of its form",
    ),
    "a hash that is none": (("decision", "t", decision(submission_sha256="x")), {}, r"data\.submission_sha256: not of"),
    "a word over two lines": (("interview", "t", INTERVIEW | {"model": "a\nb"}), {}, r"data\.model: not of its form"),
    "a step that is none": (
        ("disbursement", "pay-1:lost", disbursement("pay-1", "sent") | {"step": "lost"}),
        {},
        r"data\.step: not of its form",
    ),
    "another step than its id says": (
        ("disbursement", "pay-1:completed", disbursement("pay-1", "sent")),
        {},
        "transaction_id: a disbursement has pay-1:sent here",
    ),
    "an id that its step makes too long": (
        ("disbursement", "p" * 96 + ":sent", disbursement("p" * 96, "sent")),
        {},
        "transaction_id: not of its form",
    ),
    "a float": (("decision", "t", decision(reviews=2.0)), {}, r"bytes: the number 2\.0 is no integer"),
    "an integer too large": (("decision", "t", decision(reviews=2**53)), {}, "bytes: an integer beyond"),
    "not a number": (("decision", "t", decision(reviews=float("nan"))), {}, "bytes: the number NaN is no integer"),
    "a key outside the profile": (("decision", "t", decision(**{"a key": 1})), {}, "bytes: the key 'a key' is not"),
    "more bytes than a block has": (("decision", "t", decision(award_id="a" * 66_000)), {}, "bytes: more than 65535"),
}


@pytest.mark.parametrize("name", BROKEN_BLOCKS)
def test_a_block_cannot_have(name):
    block, changes, failure = BROKEN_BLOCKS[name]
    log = Log().add(*block, **changes)
    with pytest.raises(NotVerifiedError, match=f"block 1: {failure}"):
        audited(log)
    # What is wrong with a block on its own is nothing that the quick way lets pass.
    assert find_block(log.preimages[1]) is None or re.match("balances|block_index|previous_hash|timestamp", failure)


SPELLINGS = {
    "spaces": (b'"nonce":1', b'"nonce": 1'),
    "a needless escape": (b'"donation"', b'"donatio\\u006e"'),
    "an escaped slash": (b'"gift-1"', b'"gift\\/1"'),
    "a key twice": (b'"nonce":1', b'"nonce":1,"nonce":1'),
    "minus zero": (b'"nonce":1', b'"nonce":-0'),
    "a lone surrogate": (b'"gift-1"', b'"\\ud800"'),
    "bytes that are no text": (b'"gift-1"', b'"\xff"'),
    "nothing": (b"{", b""),
    "a thousand brackets": (b'"gift-1"', b"[" * 60_000 + b"]" * 2),
    "a number of ten thousand digits": (b'"nonce":1', b'"nonce":1' + b"0" * 10_000),
    "a comma too much": (b'"nonce":1', b'"nonce":1,'),
    "a byte order mark": (b"{", b"\xef\xbb\xbf{"),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_block_has_one_spelling(name):
    log = Log().add("donation", "gift-1", donation())
    log.preimages[1] = log.preimages[1].replace(*SPELLINGS[name], 1)
    with pytest.raises(NotVerifiedError, match="block 1: bytes: "):
        audited(log)
    assert find_block(log.preimages[1]) is None


def test_keys_in_another_order_are_another_block():
    log = Log().add("donation", "gift-1", donation())
    fields = json.loads(log.preimages[1])
    log.preimages[1] = json.dumps(dict(reversed(fields.items())), separators=(",", ":")).encode()
    with pytest.raises(NotVerifiedError, match="block 1: bytes: not canonical from byte 2 on"):
        audited(log)
