"""The judge of histories finds what it is there to find: a sound history passes, a doctored one is named."""

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.faults.histories import Block, History, judge

PROGRAM = "program:p:available"


def block(chain: list[Block], kind: str, transaction_id: str, *moves: tuple[str, str], **data: Any) -> Block:
    """The next block of a chain."""
    previous = chain[-1].hash if chain else "0" * 64
    postings = [{"account": account, "amount": amount} for account, amount in moves]
    preimage = {
        "block_index": len(chain),
        "transaction_type": kind,
        "transaction_id": transaction_id,
        "previous_hash": previous,
        "nonce": 1,
        "data": {**data, **({"postings": postings} if moves else {})},
    }
    return Block.of(json.dumps(preimage).encode())


def sound_chain() -> list[Block]:
    """Given 10, promised 6, sent and paid."""
    chain: list[Block] = []
    committed, clearing = "program:p:committed:a", "bank:clearing"
    steps: list[tuple[str, str, tuple[tuple[str, str], ...], dict[str, str]]] = [
        ("genesis", "genesis", (), {}),
        ("program_create", "e1", (), {}),
        ("donation", "d1", (("external:donor:x", "-10.00"), (PROGRAM, "10.00")), {}),
        ("commitment", "e2", ((PROGRAM, "-6.00"), (committed, "6.00")), {}),
        ("disbursement", "t:sent", ((committed, "-6.00"), (clearing, "6.00")), {"step": "sent", "tranche_id": "r"}),
        ("disbursement", "t:completed", ((clearing, "-6.00"), ("beneficiary:b", "6.00")), {"step": "completed"}),
    ]
    for kind, transaction_id, moves, data in steps:
        chain.append(block(chain, kind, transaction_id, *moves, **data))
    return chain


def sound_history(path: Path, chain: list[Block]) -> list[dict[str, Any]]:
    ticks = count()
    history = History(path, lambda: float(next(ticks)))
    for key in ("e1", "d1", "e2", "tranche r"):
        history.tried(key)
        history.acknowledged(key)
    # Asked for without an answer: it may be there or not.
    history.tried("e3")
    for each in chain:
        history.shown(each.index, each.hash)
    history.total(Decimal(0), Decimal("10.00"), Decimal("10.00"))
    return history.read()


def test_a_sound_history_passes(tmp_path):
    chain = sound_chain()
    history = sound_history(tmp_path / "history", chain)
    assert judge(history, chain) == []
    unanswered = [*chain, block(chain, "program_create", "e3")]
    assert judge(history, unanswered) == [], "what nobody acknowledged may be there"


def without_the_last(chain: list[Block]) -> list[Block]:
    return chain[:-1]


def with_a_double(chain: list[Block]) -> list[Block]:
    return [*chain, block(chain, "program_create", "e1")]


def with_a_payment_twice(chain: list[Block]) -> list[Block]:
    return [*chain, block(chain, "disbursement", "u:sent", step="sent", tranche_id="r")]


def with_a_stranger(chain: list[Block]) -> list[Block]:
    return [*chain, block(chain, "program_create", "e9")]


def rewritten(chain: list[Block]) -> list[Block]:
    """Without an acknowledged event, and linked again as if it had never been."""
    kept: list[Block] = []
    for each in chain:
        if each.transaction_id != "e1":
            moves = [(posting["account"], posting["amount"]) for posting in each.data.get("postings", ())]
            data = {name: value for name, value in each.data.items() if name != "postings"}
            kept.append(block(kept, each.type, each.transaction_id, *moves, **data))
    return kept


def unlinked(chain: list[Block]) -> list[Block]:
    return [*chain[:3], replace(chain[3], previous_hash="f" * 64), *chain[4:]]


def with_a_lower_epoch(chain: list[Block]) -> list[Block]:
    return [*chain[:-1], replace(chain[-1], nonce=0)]


def with_a_gap(chain: list[Block]) -> list[Block]:
    return [*chain[:2], *chain[3:]]


def unbalanced(chain: list[Block]) -> list[Block]:
    return [*chain, block(chain, "commitment", "e3", (PROGRAM, "-1.00"), ("program:p:committed:b", "2.00"))]


def overdrawn(chain: list[Block]) -> list[Block]:
    return [*chain, block(chain, "commitment", "e3", (PROGRAM, "-5.00"), ("program:p:committed:b", "5.00"))]


@pytest.mark.parametrize(
    ("doctor", "finding"),
    [
        (without_the_last, "forgotten: block 5"),
        (with_a_double, "doubled: e1 has 2 blocks"),
        (with_a_payment_twice, "doubled: tranche r has 2 blocks"),
        (with_a_stranger, "out of nowhere: e9"),
        (rewritten, "lost: e1 was acknowledged"),
        (unlinked, "block 3 is not linked"),
        (with_a_lower_epoch, "the epoch falls at block 5"),
        (with_a_gap, "block 3 stands at 2"),
        (unbalanced, "unbalanced: block 6"),
        (overdrawn, f"overdrawn: {PROGRAM} at block 6"),
    ],
)
def test_a_doctored_chain_is_named(tmp_path, doctor: Callable[[list[Block]], list[Block]], finding: str):
    chain = sound_chain()
    history = sound_history(tmp_path / "history", chain)
    findings = judge(history, doctor(chain))
    assert any(each.startswith(finding) for each in findings), findings


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"inside": "9.00"}, "9.00 was there of 10.00 given"),
        ({"given": "11.00"}, "10.00 was there of 11.00 given"),
        ({"everything": "0.01"}, "all accounts together held 0.01"),
        ({"inside": "12.00", "given": "12.00"}, "the blocks add up to 10.00, the last look saw 12.00"),
    ],
)
def test_a_changed_total_is_named(tmp_path, changes: dict[str, str], finding: str):
    chain = sound_chain()
    history = sound_history(tmp_path / "history", chain)
    doctored = [line | changes if line["kind"] == "total" else line for line in history]
    assert any(finding in each for each in judge(doctored, chain))
