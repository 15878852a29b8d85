"""What a batch of facts will ask the books for, so that it can be read at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from contracts.applications import (
    ApplicationApproved,
    ApplicationRejected,
    AwardCancelled,
    AwardProposed,
    DisbursementApproved,
)
from contracts.fact import Fact
from contracts.programs import ProgramCreated


@dataclass(slots=True)
class Needs:
    """Ids, in the order of arrival; some twice, which costs nothing."""

    programs: list[UUID] = field(default_factory=list)
    awards: list[UUID] = field(default_factory=list)
    applications: list[UUID] = field(default_factory=list)
    purposes: list[UUID] = field(default_factory=list)
    deciders: list[UUID] = field(default_factory=list)


def needs_of(facts: Sequence[Fact]) -> Needs:
    needs = Needs()
    for fact in facts:
        match fact:
            case AwardProposed():
                needs.programs.append(fact.program_id)
                needs.awards.append(fact.award_id)
                needs.applications.append(fact.application_id)
                needs.purposes += (fact.application_id, fact.award_id)
            case DisbursementApproved() | AwardCancelled():
                needs.awards.append(fact.award_id)
            case ApplicationApproved() | ApplicationRejected():
                needs.deciders.append(fact.decider_id)
            case ProgramCreated():
                needs.programs.append(fact.program_id)
    return needs
