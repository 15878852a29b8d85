"""Which facts a service listens to, and what it does with each."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar
from uuid import UUID

from chassis.database import UnitOfWork
from contracts.envelope import Event
from contracts.fact import Fact
from contracts.topics import topic_of

F = TypeVar("F", bound=Fact)


class Delivery(NamedTuple):
    """An event being handled, the unit of work that its effect belongs to, and the event's members as they came.

    `reading` is what the service's reader made of it, None where there is no reader; `earlier` the same of an event
    with this id that still waits, for those who watch duplicates.
    """

    event: Event
    work: UnitOfWork
    content: dict[str, Any]
    reading: Any = None
    earlier: Any = None


Handler = Callable[[Any, Delivery], Awaitable[None]]
Reader = Callable[[Event, dict[str, Any], Fact | None], Any]
Preparer = Callable[[Sequence[tuple[UUID, Fact]], UnitOfWork], Awaitable[None]]


class Assuming(Protocol):
    """How a service handles a lone event without asking the database first (`at_once`)."""

    def assume(self, event_id: UUID, fact: Fact, work: UnitOfWork) -> bool:
        """Whether all that its handlers need can be assumed; the conditions are gathered in `work`."""
        ...

    def mistaken(self, work: UnitOfWork) -> None:
        """What was assumed is not so: nothing of `work` was kept."""
        ...


class DependencyMissingError(Exception):
    """What this event builds on has not arrived yet: it waits, it is not dropped and not dead-lettered early."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(what)


class Subscriptions:
    """Handlers by fact type; several may listen to the same fact, in the order they were added."""

    def __init__(self) -> None:
        self._handlers: dict[str, list[Handler]] = {}
        self.duplicate_watchers: list[Callable[[Delivery], Awaitable[None]]] = []
        self.preparers: list[Preparer] = []
        self.reader: Reader | None = None
        self.assuming: Assuming | None = None

    def on(self, fact: type[F], handler: Callable[[F, Delivery], Awaitable[None]]) -> None:
        """Call `handler` with each such fact; it executes on `delivery.work` and never commits."""
        self._handlers.setdefault(fact.TYPE, []).append(handler)

    def on_duplicate(self, watcher: Callable[[Delivery], Awaitable[None]]) -> None:
        """Show `watcher` each event whose id was handled before: whoever must know compares what it says now."""
        self.duplicate_watchers.append(watcher)

    def before_batch(self, prepare: Preparer) -> None:
        """Let `prepare` see a batch (event ids with facts) before its handlers: it reads what they need at once."""
        self.preparers.append(prepare)

    def read_with(self, reader: Reader) -> None:
        """Let `reader` look at each event before its transaction, for what needs the processor and no database.

        It works while the database handles the batch before. The fact is None for a type that is not known here.
        """
        self.reader = reader

    def assume_with(self, assuming: Assuming) -> None:
        """Let lone events be handled in one statement, where `assuming` can say what their handlers need."""
        self.assuming = assuming

    def handlers_of(self, event_type: str) -> list[Handler]:
        return self._handlers.get(event_type, [])

    @property
    def topics(self) -> list[str]:
        """Every topic that has a handler, sorted."""
        return sorted({topic_of(event_type.split(".", 1)[0]) for event_type in self._handlers})
