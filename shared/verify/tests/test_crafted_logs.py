"""Nobody can write a log of which each block costs a reader more than the last: following lots stays near linear."""

import time

import pytest
from shared.verify.tests.crafted_histories import CRAFTED, crafted
from shared.verify.tests.logs import Log

from impactnet_verify.books import Books
from impactnet_verify.lots import Lots, Purposes
from impactnet_verify.quick_blocks import find_block

BLOCKS = 1_000
TIMES = 8
# What n log n takes is about 10, and what n * n takes 64.
GROWTH_MAX = 20


def seconds_to_follow(log: Log) -> float:
    """Of the processor, for books and lots alone; the better of two runs, for others use the processor too."""
    blocks = [block for each in log.preimages[1:] if (block := find_block(each)) is not None]
    assert len(blocks) == log.size - 1

    def purposes() -> Purposes:
        found = Purposes()
        for block in blocks:
            found.learn(block)
        found.settle()
        return found

    taken = []
    for _ in range(2):
        books, lots, began = Books(), Lots(purposes), time.process_time()
        for block in blocks:
            if block.movement is not None:
                books.enter(block.movement)
                lots.enter(block)
        taken.append(time.process_time() - began)
        assert lots.not_replayed == {}
    return min(taken)


@pytest.mark.parametrize("name", CRAFTED)
def test_a_log_eight_times_as_long_takes_about_eight_times_as_long(name):
    few, many = (seconds_to_follow(crafted(name, blocks)) for blocks in (BLOCKS, TIMES * BLOCKS))
    assert many < GROWTH_MAX * few, f"{BLOCKS} blocks: {few:.3f} s, {TIMES * BLOCKS}: {many:.3f} s"
