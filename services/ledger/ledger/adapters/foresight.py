"""What a batch of events will ask the books for and can be found by its id alone: all of it in one statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from ledger.adapters.chain import PostgresChain

_TAKE_AND_FORESEE: Final = (
    "SELECT epoch, size, tip, tip_at, peaks, last_hash, found_kinds, found_ids, found_values"
    " FROM take_head_and_foresee($1, $2, $3, $4)"
)

# A board has dozens of members, a platform thousands; each takes some hundred bytes.
ACQUAINTANCES_MAX: Final = 10_000


@dataclass(slots=True)
class Foreseen:
    """What was found, by the id it was looked up with."""

    event_hashes: dict[UUID, bytes] = field(default_factory=dict)
    currencies: dict[UUID, str] = field(default_factory=dict)
    beneficiaries: dict[UUID, UUID] = field(default_factory=dict)
    deciders: dict[UUID, UUID] = field(default_factory=dict)


class Acquaintances:
    """The own ids of those who decided lately, one per process: they may be assumed, and compared when it counts."""

    def __init__(self) -> None:
        self._deciders: dict[UUID, UUID] = {}

    def among(self, decided_by: Sequence[UUID]) -> dict[UUID, UUID] | None:
        """Theirs; None unless all are known."""
        known = {each: self._deciders[each] for each in decided_by if each in self._deciders}
        return known if len(known) == len(set(decided_by)) else None

    def meet(self, decided_by: Sequence[UUID], found: Mapping[UUID, UUID]) -> None:
        """What the database says of these: who was forgotten there is forgotten here."""
        for each in decided_by:
            if each not in found:
                self._deciders.pop(each, None)
        if len(self._deciders) + len(found) > ACQUAINTANCES_MAX:
            self._deciders.clear()
        self._deciders.update(found)


async def foresee(
    chain: PostgresChain,
    *,
    event_ids: Sequence[UUID],
    program_ids: Sequence[UUID],
    application_ids: Sequence[UUID],
    decided_by: Sequence[UUID],
) -> Foreseen:
    """Take the chain and look all of them up: what is found holds until the chain is given back."""
    wanted = (list(dict.fromkeys(ids)) for ids in (event_ids, program_ids, application_ids, decided_by))
    row = await chain.hold_by(_TAKE_AND_FORESEE, *wanted)
    foreseen = Foreseen()
    found = (row["found_kinds"] or (), row["found_ids"] or (), row["found_values"] or ())
    for kind, key, value in zip(*found, strict=True):
        match kind:
            case "event":
                foreseen.event_hashes[key] = value
            case "program":
                foreseen.currencies[key] = value.decode()
            case "beneficiary":
                foreseen.beneficiaries[key] = UUID(bytes=value)
            case _:
                foreseen.deciders[key] = UUID(bytes=value)
    return foreseen
