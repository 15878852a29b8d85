"""Which events are new."""

from datetime import UTC, datetime
from uuid import uuid4

from contracts.envelope import Event
from contracts.feed import NotificationCreated
from gateway.live.sequences import Sequences

FACT = NotificationCreated(notification_id=uuid4(), user_id=uuid4(), kind="news", link=None)


def event(sequence: int) -> Event:
    return Event.of(FACT, event_id=uuid4(), time=datetime.now(UTC), sequence=sequence)


def test_an_event_is_new_once_and_what_came_before_it_is_not_new_after_it():
    sequences = Sequences()
    assert sequences.take("feed", event(3))
    assert not sequences.take("feed", event(3))
    assert not sequences.take("feed", event(2))
    assert sequences.take("feed", event(4))
    assert sequences.take("ledger", event(4))


def test_when_offsets_begin_anew_events_are_taken_again_but_known_to_have_been_shown():
    sequences = Sequences()
    sequences.take("feed", event(1))
    sequences.begin_anew()
    assert sequences.take("feed", event(1))
    assert sequences.shown_before("feed", event(1))
    assert not sequences.shown_before("feed", event(2))
