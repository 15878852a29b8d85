"""The quick way to read a block says what the careful way says, or nothing."""

import json

from hypothesis import given
from hypothesis import strategies as st
from shared.verify.tests.logs import jcs, story

from impactnet_verify.blocks import read_block
from impactnet_verify.failures import NotVerifiedError
from impactnet_verify.quick_blocks import find_block

QUICK_TYPES = {read_block(preimage).block.transaction_type for preimage in story().preimages}


def test_the_quick_way_reads_all_that_the_ledger_writes_plainly_as_the_careful_way_does():
    quick = {}
    for index, preimage in enumerate(story().preimages):
        quick[index] = find_block(preimage)
        if quick[index] is not None:
            assert quick[index] == read_block(preimage).block
    # The genesis block and the one with an accent in its text are left to the careful way.
    assert [index for index, block in quick.items() if block is None] == [0, 5]
    assert len(QUICK_TYPES) == 11


@given(st.data())
def test_the_quick_way_never_says_yes_where_the_careful_way_says_no(data):
    preimage = bytearray(data.draw(st.sampled_from(story().preimages[1:])))
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(0, len(preimage) - 1))
        taken = data.draw(st.integers(0, 2))
        put = data.draw(st.sampled_from(["", *'019a:-." ,\\{}', "é"])).encode()
        preimage[position : position + taken] = put
    found = find_block(bytes(preimage))
    if found is not None:
        assert found == read_block(bytes(preimage)).block


TELLING = ["0.00", "1.00", "NGN", "a:b", "sent"]
TEXTS = st.text(alphabet=st.characters(codec="utf-8"), max_size=12) | st.sampled_from(TELLING)


@given(st.data())
def test_the_quick_way_agrees_on_blocks_with_any_values(data):
    fields = json.loads(data.draw(st.sampled_from(story().preimages[1:])))
    name = data.draw(st.sampled_from(sorted(fields["data"])))
    fields["data"][name] = data.draw(TEXTS | st.integers(-2, 2**53) | st.none() | st.lists(TEXTS, max_size=2))
    preimage = jcs(fields)
    found = find_block(preimage)
    try:
        careful = read_block(preimage).block
    except NotVerifiedError:
        careful = None
    assert found is None or found == careful
