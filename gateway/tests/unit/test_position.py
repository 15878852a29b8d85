"""Positions: any gateway reads what another wrote, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.live.position import BadPositionError, Position, cluster_tag

OFFSETS = st.lists(st.lists(st.integers(0, 2**53), max_size=8).map(tuple), max_size=3).map(tuple)


@given(OFFSETS, st.text(min_size=1, max_size=40))
def test_a_position_is_read_as_it_was_written(offsets, cluster_id):
    position = Position(cluster_tag(cluster_id), offsets)
    text = position.encode()
    assert Position.decode(text) == position
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(st.text(max_size=200))
def test_any_other_text_is_refused_or_is_a_position(text):
    try:
        position = Position.decode(text)
    except BadPositionError:
        return
    assert Position.decode(position.encode()) == position


@pytest.mark.parametrize(
    "text", ["", "A", "====", "Ag", "AQAAAAAAAAAAAwEC", "AQAAAAAAAAAA" + "_" * 40, "ü", "A" * 30_000]
)
def test_what_is_cut_off_or_foreign_is_refused(text):
    with pytest.raises(BadPositionError):
        Position.decode(text)


def test_what_did_not_exist_when_the_position_was_taken_begins_at_its_beginning():
    position = Position(cluster_tag("c"), ((5, 6),))
    assert position.offset(0, 1) == 6
    assert position.offset(0, 2) == 0
    assert position.offset(2, 0) == 0
