"""Every naira comes out of the donation that it has to come from, or the block that says otherwise is named."""

from collections.abc import Callable
from pathlib import Path

import pytest
from shared.verify.tests.audited_logs import audited
from shared.verify.tests.logs import POLICY_WITHOUT_WITNESSES, Log
from shared.verify.tests.lot_histories import History, by_chance
from shared.verify.tests.test_second_verifier import audit_of, compare

from impactnet_verify.command_line import main
from impactnet_verify.failures import NotVerifiedError


def gifts() -> History:
    """Three donations: anybody's, one for application x1, anybody's."""
    return History().give("g1", "100.00").give("g2", "50.00", "x1").give("g3", "30.00")


def test_earmarked_money_goes_first_then_the_oldest_and_nothing_else():
    history = gifts().commit("a1", "120.00").decide("a1", "x1")
    history.pay("pay-1", "a1", "60.00").pay("pay-2", "a1", "60.00")
    lots = audited(history.log).lots
    # Of its own shares an award spends the oldest first, earmarked or not.
    assert lots.sources_of("pay-1") == [("g1", 6_000, "NGN")]
    assert lots.sources_of("pay-2") == [("g1", 1_000, "NGN"), ("g2", 5_000, "NGN")]
    assert lots.open_donations == 2
    assert lots.not_replayed == {}


@pytest.mark.parametrize("earmark", ["a1", "b-a1", "x1"])
def test_an_earmark_names_an_award_a_beneficiary_or_an_application(earmark):
    history = History().give("g1", "10.00").give("g2", "10.00", earmark).commit("a1", "10.00").decide("a1", "x1")
    assert audited(history.pay("pay", "a1", "10.00").log).lots.sources_of("pay") == [("g2", 1_000, "NGN")]


def test_what_comes_back_goes_to_the_lots_it_came_from_and_they_are_the_oldest_again():
    history = gifts().commit("a1", "100.00").decide("a1", "x7").pay("pay-1", "a1", "40.00")
    history.pay("pay-1", "a1", "40.00", "completed").pay("pay-2", "a1", "60.00").pay("pay-2", "a1", "60.00", "failed")
    history.pay("pay-1", "a1", "40.00", "reversed").release("a1", "100.00")
    history.commit("a2", "110.00").decide("a2", "x8").pay("pay-3", "a2", "110.00")
    lots = audited(history.log).lots
    assert lots.sources_of("pay-3") == [("g1", 10_000, "NGN"), ("g3", 1_000, "NGN")]
    assert [lots.sources_of(each) for each in ("pay-1", "pay-2")] == [[], []]


def test_a_refund_that_failed_leaves_the_donation_as_it_was():
    history = gifts().refund("r1", "g1", "100.00").refund("r1", "g1", "100.00", "failed").refund("r2", "g1", "100.00")
    assert audited(history.refund("r2", "g1", "100.00", "completed").log).lots.open_donations == 2


def test_another_award_to_the_same_beneficiary_tells_the_application():
    history = gifts().commit("a1", "60.00", "b1").release("a1", "60.00").commit("a2", "60.00", "b1").decide("a2", "x1")
    lots = audited(history.pay("pay", "a2", "60.00").log).lots
    assert lots.sources_of("pay") == [("g1", 1_000, "NGN"), ("g2", 5_000, "NGN")]
    assert lots.not_replayed == {}


Change = Callable[[History], object]
# What is done after `gifts`, and how the last block of it is named.
BROKEN: dict[str, tuple[Change, str]] = {
    "money that was given for another application": (
        lambda told: told.decide("a1", "x2").commit("a1", "130.01"),
        r"lots: 1 of the 13001 .* for award a1 would come from donations that are earmarked for something else",
    ),
    "money that was given for another award": (
        lambda told: told.give("g4", "5.00", "a9").decide("a9", "x9").decide("a1", "x2").commit("a1", "135.00"),
        "lots: 500 of the 13500 .* award a1",
    ),
    "money that was given for another beneficiary": (
        lambda told: (
            told.commit("a9", "1.00").decide("a9", "x9").give("g4", "5.00", "b-a9").decide("a1", "x2")
        ).commit("a1", "134.00"),
        "lots: 500 of the 13400 .* award a1",
    ),
    "more than there is whatever the award is for": (
        lambda told: told.give("g4", "20.00", "x3").commit("a1", "180.01"),
        "lots: 5001 of the 18001 .* award a1",
    ),
    "a refund of more than the donation": (
        lambda told: told.refund("r1", "g3", "30.01"),
        r"lots: donation g3 has 3000 left, not 3001 \(in the smallest unit\)",
    ),
    "a refund of what is set aside for an award": (
        lambda told: told.decide("a1", "x2").commit("a1", "100.00").refund("r1", "g1", "10.00"),
        "lots: donation g1 has nothing left to refund",
    ),
    "a refund of what was paid out": (
        lambda told: (
            told.decide("a1", "x2").commit("a1", "90.00").pay("p", "a1", "90.00").pay("p", "a1", "90.00", "completed")
        ).refund("r1", "g1", "10.01"),
        "lots: donation g1 has 1000 left, not 1001",
    ),
    "a second refund of the same donation": (
        lambda told: told.refund("r1", "g3", "30.00").refund("r2", "g3", "1.00"),
        "lots: donation g3 has nothing left to refund",
    ),
    "a refund of a donation that never was": (
        lambda told: told.refund("r1", "g9", "1.00"),
        "lots: donation g9 has nothing left to refund, if there is one",
    ),
    "a refund to somebody else": (
        lambda told: told.refund("r1", "g1", "1.00", donor="d2"),
        "lots: donation g1 is another donor's",
    ),
    "a refund out of another program": (
        lambda told: (
            History(told.log, program="p2").give("g4", "10.00").refund("r1", "g1", "1.00")  # g1 was for p1
        ),
        "lots: donation g1 was for another program",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_log_that_signs_it_nevertheless_is_refused_by_name(name):
    change, failure = BROKEN[name]
    history = gifts()
    change(history)
    with pytest.raises(NotVerifiedError, match=f"^block {history.log.size - 1}: {failure}"):
        audited(history.log)
    # The blocks before it are sound: it is this one that breaks the rule.
    audited(Log(history.log.preimages[:-1]))


def test_the_first_of_two_broken_blocks_is_named_although_balances_never_fall_below_zero():
    history = gifts().decide("a1", "x2").commit("a1", "140.00").refund("r1", "g2", "41.00")
    with pytest.raises(NotVerifiedError, match=r"^block 5: lots: 1000 of the 14000"):
        audited(history.log)


def test_an_award_without_a_decision_ends_the_replay_of_its_program_only_where_it_makes_a_difference():
    told = gifts().give("g4", "20.00", "a1").commit("a1", "120.00")
    findings = audited(told.log)
    assert findings.lots.not_replayed == {
        "p1": "from block 5 on, for award a1 has no decision and may be for x1, which a donation is earmarked for"
    }
    # Other programs go on, and are judged.
    elsewhere = History(Log([*told.log.preimages]), program="p2").give("h1", "1.00").refund("r1", "h1", "1.00")
    assert audited(elsewhere.log).lots.open_donations == 0
    elsewhere.give("h2", "9.00").refund("r2", "g1", "1.00")
    with pytest.raises(NotVerifiedError, match="block 9: lots: donation g1 has nothing left"):
        audited(elsewhere.log)
    # A decision further on tells, and so does one that shows that the earmark is somebody else's.
    assert audited(told.decide("a1", "x1").log).lots.not_replayed == {}
    others = gifts().commit("a1", "120.00").decide("a5", "x1")
    assert audited(others.log).lots.not_replayed == {}
    # With no such earmark open nothing is missing.
    assert audited(History().give("g1", "100.00").commit("a1", "20.00").log).lots.not_replayed == {}


def test_a_part_of_an_award_that_is_released_is_followed_while_it_is_of_one_lot():
    told = gifts().decide("a1", "x2").commit("a1", "100.00").release("a1", "40.00")
    findings = audited(told.refund("r1", "g1", "40.00").log)
    assert findings.lots.not_replayed == {}
    two = gifts().decide("a1", "x2").commit("a1", "110.00").release("a1", "40.00").refund("r1", "g1", "1.00")
    assert audited(two.log).lots.not_replayed == {
        "p1": "from block 6 on, for a part of award a1 is released, and nothing says of which lots"
    }


def test_the_command_names_what_it_could_not_replay_and_exits_by_the_verdict(tmp_path: Path, capsys):
    def run(log: Log) -> int:
        files = {"dump": log.dump(), "checkpoint": log.checkpoint(), "policy": POLICY_WITHOUT_WITNESSES.encode()}
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        dump, checkpoint, policy = (str(tmp_path / name) for name in files)
        return main(["audit", dump, checkpoint, "--policy", policy])

    assert run(gifts().log) == 0
    assert "  lots        replayed; 3 donation(s) with money left\n" in capsys.readouterr().out
    assert run(gifts().commit("a1", "120.00").log) == 0
    assert "  not replayed lots of program p1, from block 4 on, for award a1 has no" in capsys.readouterr().out
    assert run(gifts().decide("a1", "x2").commit("a1", "130.01").log) == 1
    assert capsys.readouterr().out.startswith("NOT VERIFIED: block 5: lots: 1 of the 13001")


def test_the_command_says_which_donations_paid_a_payment(tmp_path: Path, capsys):
    history = gifts().decide("a1", "x1").commit("a1", "60.00").pay("pay-1", "a1", "60.00").pay("pay-2", "a1", "60.00")
    log = Log(history.log.preimages[:-1])
    files = {"dump": log.dump(), "checkpoint": log.checkpoint(), "policy": POLICY_WITHOUT_WITNESSES.encode()}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    dump, checkpoint, policy = (str(tmp_path / name) for name in files)
    assert main(["audit", dump, checkpoint, "--policy", policy, "--payment", "pay-1"]) == 0
    assert capsys.readouterr().out.endswith(
        "  paid by     donation g1: 10.00 NGN\n  paid by     donation g2: 50.00 NGN\n"
    )
    assert main(["audit", dump, checkpoint, "--policy", policy, "--payment", "pay-2"]) == 1
    assert capsys.readouterr().out == (
        "NOT VERIFIED: payment pay-2: no disbursement in these blocks that has lots, or it came back\n"
    )


def test_a_payment_that_came_back_or_is_a_refund_was_paid_by_no_donation():
    def told(*steps: str) -> History:
        history = gifts().decide("a1", "x1").commit("a1", "60.00").pay("pay-1", "a1", "60.00")
        history.refund("r1", "g1", "5.00").give("g4", "20.00", "x2")
        # Of this award nothing says what it is for. That money comes back can be seen all the same.
        history.commit("a2", "10.00")
        for step in steps:
            history.pay("pay-1", "a1", "60.00", step)
        return history

    sources = [("g1", 1_000, "NGN"), ("g2", 5_000, "NGN")]
    for steps, expected in {
        (): sources,
        ("completed",): sources,
        ("failed",): [],
        ("completed", "reversed"): [],
    }.items():
        lots = audited(told(*steps).log).lots
        assert lots.not_replayed
        assert lots.sources_of("pay-1") == expected
        assert lots.sources_of("r1") == []


def test_memory_is_held_for_donations_that_have_money_left_alone():
    history = History().give("old", "1.00")
    for number in range(100):
        history.give(f"g{number}", "10.00", f"a{number}").commit(f"a{number}", "10.00").decide(f"a{number}", "x")
        history.pay(f"p{number}", f"a{number}", "10.00").pay(f"p{number}", f"a{number}", "10.00", "completed")
        # Behind one that stays open.
        history.give(f"h{number}", "10.00").refund(f"r{number}", f"h{number}", "10.00")
        history.refund(f"r{number}", f"h{number}", "10.00", "completed")
    lots = audited(history.log).lots
    assert lots.open_donations == 1
    assert not lots._shares
    assert len(lots._payments) == 100  # each may still come back
    assert [fund.lots for fund in lots._funds.values()] == [1]
    assert len(lots._known) == 101


def test_both_verifiers_come_to_the_same_verdict_on_every_broken_rule_and_on_histories_made_by_chance():
    cases = []
    for begin, broken in ((gifts, BROKEN), (untold, BROKEN_REFUNDS)):
        for change, _ in broken.values():
            history = begin()
            change(history)
            cases.append(audit_of(history.log))
    assert None not in compare(cases)
    logs = [by_chance(seed) for seed in range(600)]
    verdicts = compare([audit_of(log) for log in logs])
    assert 100 < verdicts.count(None) < 500
    assert all(each is None or ": lots: " in each or ": refund: " in each for each in verdicts)
    sound = [audited(log).lots for log, verdict in zip(logs, verdicts, strict=True) if verdict is None]
    assert sum(bool(each.not_replayed) for each in sound) > 20
    assert sum(not each.not_replayed for each in sound) > 50


def untold() -> History:
    """`gifts`, and what nobody can follow from then on: an award of which nothing says what it is for."""
    return gifts().refund("r0", "g3", "10.00").commit("a1", "120.00")


# Of what is not followed any further, refunds are held against the donations all the same.
BROKEN_REFUNDS: dict[str, tuple[Change, str]] = {
    "more than the donation": (
        lambda told: told.give("g5", "90.00").refund("r1", "g1", "50.00").refund("r2", "g1", "50.01"),
        r"refund: of donation g1 5000 are not refunded, not 5001 \(in the smallest unit\)",
    ),
    "more than what was left of it before": (
        lambda told: told.refund("r1", "g3", "20.01"),
        "refund: of donation g3 2000 are not refunded, not 2001",
    ),
    "more again although one failed": (
        lambda told: (
            told.refund("r1", "g3", "20.00").refund("r1", "g3", "20.00", "failed").refund("r2", "g3", "20.00")
        ).refund("r3", "g3", "0.01"),
        "refund: of donation g3 0 are not refunded, not 1",
    ),
    "more than a later donation": (
        lambda told: told.give("g4", "5.00").refund("r1", "g4", "5.01"),
        "refund: of donation g4 500 are not refunded, not 501",
    ),
    "to somebody else": (
        lambda told: told.refund("r1", "g1", "1.00", donor="d2"),
        "refund: donation g1 is another donor's",
    ),
    "of a donation that never was": (
        lambda told: told.refund("r1", "g9", "1.00"),
        "refund: no donation g9 of which anything is left",
    ),
    "of a donation for another program": (
        lambda told: (
            History(told.log, program="p2").give("h1", "9.00"),
            told.refund("r1", "h1", "1.00"),
        ),
        "refund: donation h1 was for another program",
    ),
}


@pytest.mark.parametrize("name", BROKEN_REFUNDS)
def test_of_what_is_not_followed_nobody_is_given_back(name):
    change, failure = BROKEN_REFUNDS[name]
    history = untold()
    assert audited(history.log).lots.not_replayed
    change(history)
    with pytest.raises(NotVerifiedError, match=f"^block {history.log.size - 1}: {failure}"):
        audited(history.log)
    audited(Log(history.log.preimages[:-1]))


def test_refunds_of_what_is_not_followed_take_their_steps():
    history = untold().refund("r0", "g3", "10.00", "failed").refund("r1", "g3", "30.00").give("g4", "40.00")
    history.refund("r1", "g3", "30.00", "completed").refund("r2", "g4", "40.00")
    assert audited(history.refund("r2", "g4", "40.00", "completed").log).lots.not_replayed
