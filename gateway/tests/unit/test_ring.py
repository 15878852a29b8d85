"""The ring: knows what it has and says so, keeps each partition in order."""

from gateway.live.position import Position, cluster_tag
from gateway.live.ring import Kept, Ring

TAG = cluster_tag("cluster")


def kept(offset: int, *, topic: int = 0, partition: int = 0, rank: float | None = None, channel: str = "c") -> Kept:
    rank = float(offset) if rank is None else rank
    head = f'{{"offset":{offset},"position":'
    return Kept(topic=topic, partition=partition, offset=offset, rank=rank, said_at=rank, heads={channel: head})


def at(*offsets: tuple[int, ...]) -> Position:
    return Position(TAG, offsets)


def ring_with(*frames: Kept, seconds: float = 1800, bytes_max: int = 1_000_000) -> Ring:
    ring = Ring(seconds=seconds, bytes_max=bytes_max)
    for topic in range(3):
        for partition in range(2):
            ring.begin(topic, partition, 10)
    for frame in frames:
        ring.add(frame, at=frame.rank)
    return ring


def offsets(found: list[tuple[str, Kept]]) -> list[int]:
    return [frame.offset for _, frame in found]


def test_since_gives_what_a_position_has_not_seen_of_its_channels_only():
    ring = ring_with(kept(10), kept(11, channel="other"), kept(12), kept(13))
    assert offsets(ring.since({"c"}, at((12, 10), (10, 10), (10, 10)))) == [12, 13]
    assert offsets(ring.since({"c", "other"}, at((11, 10)))) == [11, 12, 13]
    assert ring.since({"nobody"}, at((0, 0))) == []


def test_frames_of_several_partitions_come_in_the_order_of_their_times():
    ring = ring_with(kept(10, rank=5.0), kept(11, rank=9.0), kept(10, topic=1, rank=7.0), kept(10, topic=2, rank=6.0))
    found = ring.since({"c"}, at((0,)))
    assert [frame.rank for _, frame in found] == [5.0, 6.0, 7.0, 9.0]


def test_it_covers_what_it_has_from_the_start_on_and_nothing_before():
    ring = ring_with()
    assert ring.covers(at((10, 10), (10, 10), (10, 10)))
    assert not ring.covers(at((9, 10), (10, 10), (10, 10)))
    assert not ring.covers(at((10, 10), (10, 10)))
    assert not ring.covers(at((10, 10, 10), (10, 10), (10, 10)))
    assert not Ring(seconds=1, bytes_max=1).covers(at())


def test_what_has_grown_too_old_is_let_go_and_no_longer_covered():
    ring = ring_with(kept(10), kept(11), seconds=5)
    ring.trim(now=15.5)
    assert offsets(ring.since({"c"}, at((0, 0)))) == [11]
    assert not ring.covers(at((10, 10), (10, 10), (10, 10)))
    assert ring.covers(at((11, 10), (10, 10), (10, 10)))


def test_memory_is_bounded_and_what_it_does_not_hold_is_not_covered():
    ring = ring_with(*(kept(offset) for offset in range(10, 1010)), bytes_max=64_000)
    ring.trim(now=0)
    held = offsets(ring.since({"c"}, at((0, 0))))
    assert 50 < len(held) < 110
    assert held[-1] == 1009
    assert ring.covers(at((held[0], 10), (10, 10), (10, 10)))
    assert not ring.covers(at((held[0] - 1, 10), (10, 10), (10, 10)))
