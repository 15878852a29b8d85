"""Logs made by their owner to give an auditor much to do: many donations behind few awards, over and over."""

from collections.abc import Callable
from itertools import cycle, islice

from shared.verify.tests.logs import Log
from shared.verify.tests.lot_histories import History


def _money(units: int) -> str:
    return f"{units // 100}.{units % 100:02d}"


def _gifts(count: int, earmarks: tuple[str | None, ...] = (None,)) -> History:
    history = History()
    for number, earmark in enumerate(islice(cycle(earmarks), count)):
        history.give(f"g{number}", "0.01", earmark)
    return history


def _a_tranche_for_each_donation(blocks: int) -> History:
    history = _gifts(blocks // 3).commit("a1", _money(blocks // 3))
    for number in range(blocks // 3):
        history.pay(f"p{number}", "a1", "0.01").pay(f"p{number}", "a1", "0.01", "completed")
    return history


def _all_of_it_paid_in_vain(blocks: int, *steps: str) -> History:
    history, all_of_it = _gifts(blocks // 2), _money(blocks // 2)
    history.commit("a1", all_of_it)
    for number in range(blocks // 2 // (1 + len(steps))):
        history.pay(f"p{number}", "a1", all_of_it)
        for step in steps:
            history.pay(f"p{number}", "a1", all_of_it, step)
    return history


def _all_of_it_promised_and_released(blocks: int) -> History:
    history, all_of_it = _gifts(blocks // 2), _money(blocks // 2)
    for number in range(blocks // 4):
        history.commit(f"a{number % 7}", all_of_it).release(f"a{number % 7}", all_of_it)
    return history


def _every_purpose_by_turns(blocks: int) -> History:
    count = blocks // 2
    history = _gifts(count, ("a1", "b-a1", None, "x1")).decide("a1", "x1")
    for number in range(blocks // 8):
        history.commit("a1", _money(count - 5)).pay(f"p{number}", "a1", _money(count // 2))
        history.pay(f"p{number}", "a1", _money(count // 2), "failed").release("a1", _money(count - 5))
    return history


def _earmarks_that_are_something_else(blocks: int) -> History:
    history = History().give("g", "1000000.00")
    for number in range(blocks // 4):
        history.give(f"g{number}", "0.01", f"x{number}").decide(f"a{number}", f"x{number}")
    for number in range(blocks // 2):
        history.commit(f"c{number}", "0.01")
    return history


CRAFTED: dict[str, Callable[[int], History]] = {
    "a tranche for each donation": _a_tranche_for_each_donation,
    "all of it paid and failed, over and over": lambda blocks: _all_of_it_paid_in_vain(blocks, "failed"),
    "all of it paid and reversed, over and over": lambda blocks: _all_of_it_paid_in_vain(
        blocks, "completed", "reversed"
    ),
    "all of it promised and released, over and over": _all_of_it_promised_and_released,
    "donations for every purpose of an award by turns": _every_purpose_by_turns,
    "earmarks that are known to be something else": _earmarks_that_are_something_else,
}


def crafted(name: str, blocks: int) -> Log:
    return CRAFTED[name](blocks).log
