"""Lots that hold money, by program, currency and earmark, from the oldest on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from operator import attrgetter
from typing import Final

NO_EARMARK: Final = ""


@dataclass(slots=True, eq=False)
class Lot:
    """A donation and what is `left` of it, in the smallest unit; `position` is its block's index."""

    id: str
    position: int
    donor: str
    earmark: str
    left: int
    fund: "Fund"
    is_queued: bool = False


by_age: Final = attrgetter("position")


class Queue:
    """Lots from the oldest on. One that was emptied in the middle stays until it is first, or until they are many."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, Lot]] = []
        self._empty = 0

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, lot: Lot) -> None:
        """One that is younger than all others."""
        lot.is_queued = True
        self._heap.append((lot.position, lot))

    def changed(self, lot: Lot, before: int) -> None:
        """To be called with what the lot held before; leaves no empty lot in front."""
        if not lot.is_queued:
            lot.is_queued = True
            heappush(self._heap, (lot.position, lot))
        elif not before:
            self._empty -= 1
        if not lot.left:
            self._empty += 1
        while self._heap and not self._heap[0][1].left:
            heappop(self._heap)[1].is_queued = False
            self._empty -= 1
        if self._empty * 2 > len(self._heap):
            for _, each in self._heap:
                each.is_queued = each.left > 0
            # What is in order is a heap already.
            self._heap = sorted(each for each in self._heap if each[1].left)
            self._empty = 0

    def first(self) -> Lot:
        return self._heap[0][1]

    def lots(self) -> Iterator[Lot]:
        return (lot for _, lot in self._heap)


class Fund:
    """The lots of one program that hold money, by earmark, first in first out."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self._queues: dict[str, Queue] = {}

    def _queue(self, earmark: str) -> Queue:
        queue = self._queues.get(earmark)
        if queue is None:
            queue = self._queues[earmark] = Queue()
        return queue

    def add(self, lot: Lot) -> None:
        self._queue(lot.earmark).add(lot)

    def change(self, lot: Lot, amount: int) -> None:
        before, lot.left = lot.left, lot.left + amount
        queue = self._queue(lot.earmark)
        queue.changed(lot, before)
        if not queue:
            del self._queues[lot.earmark]

    def first(self, earmarks: Iterable[str]) -> Lot | None:
        """The oldest lot with one of these earmarks that holds something."""
        queues = [self._queues[each] for each in earmarks if each in self._queues]
        return min((queue.first() for queue in queues), key=by_age, default=None)

    def held(self, earmarks: Iterable[str]) -> int:
        return sum(lot.left for each in earmarks if each in self._queues for lot in self._queues[each].lots())

    @property
    def has_earmarks(self) -> bool:
        return len(self._queues) > (NO_EARMARK in self._queues)

    def earmarks(self) -> list[str]:
        """Of all lots that hold something."""
        return [each for each in self._queues if each != NO_EARMARK]

    def lots(self) -> list[Lot]:
        return [lot for queue in self._queues.values() for lot in queue.lots()]
