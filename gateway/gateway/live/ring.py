"""The frames of the last half hour, kept for those who come back and ask what they missed."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from gateway.live.position import FRAME_TOPICS, Position
from gateway.metrics import RING_BYTES

# Python's own cost of a kept frame besides its text: the object, its place in two queues, its strings' headers.
_OVERHEAD_BYTES: Final = 600


@dataclass(frozen=True, slots=True)
class Kept:
    """An event that became a frame: where it stood, and its text per channel up to the position's value.

    `rank` never falls within a partition, so that frames of several partitions can be put in the order of their times
    without ever turning round the order within one. `said_at`, `rank`: seconds since the epoch.
    """

    topic: int
    partition: int
    offset: int
    rank: float
    said_at: float
    heads: dict[str, str]

    def text(self, channel: str, position: str) -> bytes:
        """The frame as it goes out."""
        return f'{self.heads[channel]}"{position}"}}'.encode()

    @property
    def size_bytes(self) -> int:
        """What it costs to keep, about."""
        return _OVERHEAD_BYTES + sum(len(head) for head in self.heads.values())


class Ring:
    """Bounded by age and by bytes; knows exactly from which offsets on it has everything."""

    def __init__(self, *, seconds: float, bytes_max: int) -> None:
        self._seconds = seconds
        self._bytes_max = bytes_max
        self._bytes = 0
        self._kept: deque[tuple[float, Kept]] = deque()
        self._by_channel: dict[str, deque[Kept]] = {}
        # (topic, partition) -> lowest offset from which on nothing is missing
        self._floors: dict[tuple[int, int], int] = {}

    def begin(self, topic: int, partition: int, offset: int) -> None:
        """From this offset on everything of the partition will be added."""
        self._floors[topic, partition] = offset

    def clear(self) -> None:
        """Forget everything: the offsets belong to a cluster that is no more."""
        self._kept.clear()
        self._by_channel.clear()
        self._floors.clear()
        self._bytes = 0

    def add(self, kept: Kept, at: float) -> None:
        """Keep a frame of the moment `at` (seconds of any clock that only rises)."""
        self._kept.append((at, kept))
        self._bytes += kept.size_bytes
        for channel in kept.heads:
            self._by_channel.setdefault(channel, deque()).append(kept)

    def trim(self, now: float) -> None:
        """Let go of what is older than `seconds`, and of the oldest of what is too much."""
        while self._kept and (self._bytes > self._bytes_max or self._kept[0][0] < now - self._seconds):
            _, kept = self._kept.popleft()
            self._bytes -= kept.size_bytes
            for channel in kept.heads:
                queue = self._by_channel[channel]
                queue.popleft()
                if not queue:
                    del self._by_channel[channel]
            floor = self._floors.get((kept.topic, kept.partition), 0)
            self._floors[kept.topic, kept.partition] = max(floor, kept.offset + 1)
        RING_BYTES.set(self._bytes)

    def covers(self, position: Position) -> bool:
        """Whether every frame since the position is still here."""
        if len(position.offsets) > len(FRAME_TOPICS):
            return False
        asked = {
            (topic, partition): offset
            for topic, partitions in enumerate(position.offsets)
            for partition, offset in enumerate(partitions)
        }
        if asked.keys() - self._floors.keys():
            return False  # partitions that we do not read: another world
        return bool(self._floors) and all(asked.get(where, 0) >= floor for where, floor in self._floors.items())

    def since(self, channels: set[str], position: Position) -> list[tuple[str, Kept]]:
        """What the position has not seen of these channels, in order of time and, within a partition, of offsets."""
        missed = [
            (channel, kept)
            for channel in channels
            for kept in self._by_channel.get(channel, ())
            if kept.offset >= position.offset(kept.topic, kept.partition)
        ]
        missed.sort(key=lambda entry: (entry[1].rank, entry[1].topic, entry[1].partition, entry[1].offset))
        return missed
