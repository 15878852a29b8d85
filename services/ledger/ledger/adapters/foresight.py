"""What a batch of events will ask the books for and can be found by its id alone: all of it in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from chassis.database import UnitOfWork

_FORESEE: Final = "SELECT kind, id, value FROM foresee($1, $2, $3, $4)"


@dataclass(slots=True)
class Foreseen:
    """What was found, by the id it was looked up with."""

    event_hashes: dict[UUID, bytes] = field(default_factory=dict)
    currencies: dict[UUID, str] = field(default_factory=dict)
    beneficiaries: dict[UUID, UUID] = field(default_factory=dict)
    deciders: dict[UUID, UUID] = field(default_factory=dict)


async def foresee(
    work: UnitOfWork,
    *,
    event_ids: Sequence[UUID],
    program_ids: Sequence[UUID],
    application_ids: Sequence[UUID],
    decided_by: Sequence[UUID],
) -> Foreseen:
    """Look all of them up."""
    found = Foreseen()
    wanted = (event_ids, program_ids, application_ids, decided_by)
    for row in await work.fetch(_FORESEE, *(list(dict.fromkeys(ids)) for ids in wanted)):
        key, value = row["id"], row["value"]
        match row["kind"]:
            case "event":
                found.event_hashes[key] = value
            case "program":
                found.currencies[key] = value.decode()
            case "beneficiary":
                found.beneficiaries[key] = UUID(bytes=value)
            case _:
                found.deciders[key] = UUID(bytes=value)
    return found
