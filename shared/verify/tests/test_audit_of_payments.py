"""Whole dumps whose blocks are right one by one: payments take their steps in order, and awards stay whose they are.

A tranche is paid once, and of a donation no more is given back than it was, whatever else can be followed.
"""

from collections.abc import Sequence
from typing import Any

import pytest
from shared.verify.tests.audited_logs import audited, paid
from shared.verify.tests.logs import (
    AVAILABLE,
    AWARD,
    AWARD_IDS,
    BENEFICIARY,
    COMMITTED,
    DONOR,
    PROGRAM,
    Log,
    commitment,
    disbursement,
    donation,
    money,
    refund,
    reversal,
)

from impactnet_verify.failures import NotVerifiedError

Added = tuple[str, str, dict[str, Any]]


def _with(begin: Log, blocks: Sequence[Added]) -> Log:
    log = Log(list(begin.preimages))
    for block in blocks:
        log.add(*block)
    return log


STEPS = {
    "completed without being sent": (
        Log(),
        [("disbursement", "p:completed", disbursement("p", "completed"))],
        "not under",
    ),
    "failed without being sent": (Log(), [("refund", "p:failed", refund("p", "failed"))], "not under way"),
    "failed after it was completed": (
        paid(),
        [("disbursement", "pay-1:failed", disbursement("pay-1", "failed"))],
        "pay-1 is failed, but is not under way",
    ),
    "sent again": (
        paid(),
        [("disbursement", "pay-1:sent", disbursement("pay-1", "sent"))],
        "pay-1 was sent before",
    ),
    "completed with another amount": (
        paid(),
        [
            ("disbursement", "p:sent", disbursement("p", "sent")),
            ("disbursement", "p:completed", disbursement("p", "completed", "100.00")),
        ],
        "p is completed on other terms",
    ),
    "completed for another payee": (
        paid(),
        [
            ("disbursement", "p:sent", disbursement("p", "sent")),
            ("disbursement", "p:completed", disbursement("p", "completed", payee_commitment="9" * 64)),
        ],
        "p is completed on other terms",
    ),
    "a refund that completes a disbursement": (
        paid(),
        [
            ("disbursement", "p:sent", disbursement("p", "sent")),
            ("refund", "p:completed", refund("p", "completed", "200.00")),
        ],
        "p is completed on other terms",
    ),
    "reversed before it was completed": (
        paid(),
        [("disbursement", "p:sent", disbursement("p", "sent")), ("reversal", "p:reversed", reversal("p"))],
        "p is reversed, but is not a completed",
    ),
    "reversed twice": (
        paid(),
        [("reversal", "pay-1:reversed", reversal("pay-1")), ("reversal", "again", reversal("pay-1"))],
        "pay-1 is reversed, but is not a completed",
    ),
    "reversed with another amount": (
        paid(),
        [("reversal", "pay-1:reversed", reversal("pay-1", "100.00"))],
        "pay-1 is reversed on other terms",
    ),
    "a refund reversed": (
        paid(),
        [
            ("refund", "r:sent", refund("r", "sent")),
            ("refund", "r:completed", refund("r", "completed")),
            ("reversal", "r:reversed", reversal("r", "100.00")),
        ],
        "r is reversed, but is not a completed disbursement",
    ),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_payment_cannot_be(name):
    begin, blocks, failure = STEPS[name]
    log = _with(begin, blocks)
    with pytest.raises(NotVerifiedError, match=f"block {log.size - 1}: step: .*{failure}"):
        audited(log)


def _pays(payment: str, step: str, **more: Any) -> Added:
    return "disbursement", f"{payment}:{step}", disbursement(payment, step, tranche_id="tranche-1", **more)


def _comes_back(payment: str) -> Added:
    return "reversal", f"{payment}:reversed", reversal(payment)


# What happens to one tranche of an award of 600.00, each payment of which is 200.00.
PAID_TWICE: dict[str, list[Added]] = {
    "while another payment is under way": [_pays("p1", "sent"), _pays("p2", "sent")],
    "after another has arrived": [_pays("p1", "sent"), _pays("p1", "completed"), _pays("p2", "sent")],
    "in another amount, to another account": [
        _pays("p1", "sent"),
        _pays("p2", "sent", amount="1.00", payee_commitment="9" * 64),
    ],
    "after one failed and another was sent": [
        _pays("p1", "sent"),
        _pays("p1", "failed"),
        _pays("p2", "sent"),
        _pays("p3", "sent"),
    ],
    "after one came back and another arrived": [
        _pays("p1", "sent"),
        _pays("p1", "completed"),
        _comes_back("p1"),
        _pays("p2", "sent"),
        _pays("p2", "completed"),
        _pays("p3", "sent"),
    ],
}


def committed() -> Log:
    return Log().add("donation", "gift-1", donation()).add("commitment", "event-1", commitment())


@pytest.mark.parametrize("name", PAID_TWICE)
def test_a_tranche_cannot_be_paid(name):
    log = _with(committed(), PAID_TWICE[name])
    with pytest.raises(NotVerifiedError, match=f"^block {log.size - 1}: tranche: tranche-1 is paid by p[12] already"):
        audited(log)
    audited(Log(log.preimages[:-1]))


def test_a_tranche_whose_payment_failed_or_came_back_is_paid_anew():
    blocks = [_pays("p1", "sent"), _pays("p1", "failed"), _pays("p2", "sent"), _pays("p2", "completed")]
    blocks += [_comes_back("p2"), _pays("p3", "sent"), _pays("p3", "completed")]
    log = _with(committed(), blocks)
    assert audited(log).blocks == log.size


OTHER = "6" * 8 + "-0000-4000-8000-000000000000"
OTHER_COMMITTED = COMMITTED.replace(PROGRAM, OTHER)
# Of an award that was committed to a beneficiary in a program, each with money that is there.
AWARDS = {
    "paid to another beneficiary": (
        [("disbursement", "p:sent", disbursement("p", "sent", beneficiary_id=OTHER))],
        f"is {BENEFICIARY}'s in program {PROGRAM}, not {OTHER}'s in program {PROGRAM}",
    ),
    "promised to another beneficiary": (
        [("commitment", "event-2", commitment("1.00") | {"beneficiary_id": OTHER})],
        f"is {BENEFICIARY}'s in program {PROGRAM}, not {OTHER}'s",
    ),
    "released by another beneficiary": (
        [
            (
                "decommitment",
                "event-2",
                AWARD_IDS | money("1.00", COMMITTED, AVAILABLE) | {"beneficiary_id": OTHER},
            )
        ],
        f"is {BENEFICIARY}'s in program {PROGRAM}, not {OTHER}'s",
    ),
    "made out of another program": (
        [
            (
                "donation",
                "gift-2",
                donation(program_id=OTHER)
                | money("1.00", f"external:donor:{DONOR}", AVAILABLE.replace(PROGRAM, OTHER)),
            ),
            (
                "commitment",
                "event-2",
                AWARD_IDS | money("1.00", AVAILABLE.replace(PROGRAM, OTHER), OTHER_COMMITTED) | {"program_id": OTHER},
            ),
        ],
        f"is {BENEFICIARY}'s in program {PROGRAM}, not {BENEFICIARY}'s in program {OTHER}",
    ),
}


@pytest.mark.parametrize("name", AWARDS)
def test_an_award_cannot_be(name):
    blocks, failure = AWARDS[name]
    log = _with(paid(), blocks)
    with pytest.raises(NotVerifiedError, match=f"block {log.size - 1}: award: {AWARD} {failure}"):
        audited(log)
