"""Which events have been seen: the relay sends at least once, sockets get each once."""

from collections import OrderedDict
from typing import Final

from contracts.envelope import Event

# Last sequence per aggregate: about 30 MB when full; what was seen longest ago is forgotten first.
_AGGREGATES_MAX: Final = 200_000


class Sequences:
    """The last `sequence` of each aggregate; it is contiguous per aggregate and only rises (04)."""

    def __init__(self) -> None:
        self._last: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._before: OrderedDict[tuple[str, str], int] = OrderedDict()

    def take(self, topic: str, event: Event) -> bool:
        """Whether this event is new; from now on it is not."""
        key = (topic, event.subject)
        if event.sequence <= self._last.get(key, 0):
            return False
        self._last[key] = event.sequence
        self._last.move_to_end(key)
        if len(self._last) > _AGGREGATES_MAX:
            self._last.popitem(last=False)
        return True

    def begin_anew(self) -> None:
        """The offsets begin anew: records are taken once more, for the ring, and yet not shown once more."""
        self._before, self._last = self._last, OrderedDict()

    def shown_before(self, topic: str, event: Event) -> bool:
        """Whether sockets got this event before the offsets began anew."""
        return event.sequence <= self._before.get((topic, event.subject), 0)
