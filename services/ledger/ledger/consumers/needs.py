"""What a batch of facts will ask the books for, so that it can be read at once."""

from collections.abc import Sequence

from contracts.applications import (
    ApplicationApproved,
    ApplicationRejected,
    AwardCancelled,
    AwardProposed,
    DisbursementApproved,
)
from contracts.fact import Fact
from contracts.programs import ProgramCreated
from ledger.use_cases.events import Needs


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
