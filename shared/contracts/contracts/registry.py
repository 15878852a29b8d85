"""Every event type there is, by name: what may be published and how it is read."""

from typing import Final

from pydantic import ValidationError

from contracts import applications, feed, identity, ledger, programs
from contracts.envelope import Event, UndecodableEventError
from contracts.fact import Fact

FACT_BY_TYPE: Final[dict[str, type[Fact]]] = {
    fact.TYPE: fact
    for facts in (identity.FACTS, programs.FACTS, applications.FACTS, ledger.FACTS, feed.FACTS)
    for fact in facts
}


def fact_of(event: Event) -> Fact | None:
    """The event's data as its model, or None for a type this version does not know (newer producers are allowed).

    Raises:
        UndecodableEventError: a known type whose data does not fit.
    """
    model = FACT_BY_TYPE.get(event.type)
    if model is None:
        return None
    try:
        return model.model_validate(event.data)
    except ValidationError as error:
        raise UndecodableEventError(str(error.errors(include_input=False, include_url=False))) from error
