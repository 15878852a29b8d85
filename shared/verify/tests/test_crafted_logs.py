"""Nobody can write a log of which each block costs a reader more than the last: following lots stays near linear."""

import pytest
from shared.verify.tests.calls import calls_of
from shared.verify.tests.crafted_histories import CRAFTED, crafted
from shared.verify.tests.logs import Log

from impactnet_verify.books import Books
from impactnet_verify.lots import Lots, Purposes
from impactnet_verify.quick_blocks import find_block

BLOCKS = 500
TIMES = 8
# What n log n takes is about 10, and what n * n takes 64.
GROWTH_MAX = 16


def calls_to_follow(log: Log) -> int:
    """For books and lots alone."""
    blocks = [block for each in log.preimages[1:] if (block := find_block(each)) is not None]
    assert len(blocks) == log.size - 1

    def purposes() -> Purposes:
        found = Purposes()
        for block in blocks:
            found.learn(block)
        found.settle()
        return found

    books, lots = Books(), Lots(purposes)

    def follow() -> None:
        for block in blocks:
            if block.movement is not None:
                books.enter(block.movement)
                lots.enter(block)

    calls = calls_of(follow)
    assert lots.not_replayed == {}
    return calls


@pytest.mark.parametrize("name", CRAFTED)
def test_a_log_eight_times_as_long_takes_about_eight_times_as_much(name):
    few, many = (calls_to_follow(crafted(name, blocks)) for blocks in (BLOCKS, TIMES * BLOCKS))
    assert few < many < GROWTH_MAX * few, f"{BLOCKS} blocks: {few} calls, {TIMES * BLOCKS}: {many}"
