"""What programs tells the other contexts, as facts of the contract."""

from typing import Any, Final

from chassis.database import UnitOfWork
from contracts import programs as contract
from contracts.fact import Fact
from programs.domain.parts import Executive
from programs.domain.program import Program
from programs.domain.refusals import ProgramTooLargeError
from programs.use_cases.ports import ProgramUpdate

# An event has at most 256 KiB with its envelope; a snapshot leaves room for it.
SNAPSHOT_BYTES_MAX: Final = 240 * 1024


def snapshot_of(program: Program) -> dict[str, Any]:
    """The fields that every snapshot of a programme has."""
    details = program.details
    return {
        "program_id": program.id,
        "revision": program.version,
        "title": details.title,
        "slug": program.slug,
        "status": program.status.value,
        "funder": details.funder,
        "budget": f"{details.budget:.2f}",
        "currency": details.currency,
        "award_min": f"{details.award_min:.2f}",
        "award_max": f"{details.award_max:.2f}",
        "slots": details.slots,
        "open_date": details.open_date,
        "close_date": details.close_date,
        "time_zone": details.time_zone,
        "review_quorum": details.review_quorum,
        "form_json": program.form_json,
        "criteria": [
            contract.CriterionSnapshot(
                criterion_id=item.id,
                name=item.name,
                description=item.description,
                max_score=item.max_score,
                weight=f"{item.weight:.2f}",
            )
            for item in program.criteria
        ],
        "requirements": [
            contract.RequirementSnapshot(requirement_id=item.id, name=item.name, required=item.required)
            for item in program.requirements
        ],
        "qualifications": [
            contract.QualificationSnapshot(qualification_id=item.id, text=item.text, rule_json=item.rule_json)
            for item in program.qualifications
        ],
        "executives": [
            contract.ExecutiveSnapshot(executive_id=item.id, user_id=item.user_id, is_chair=item.is_chair)
            for item in program.executives
        ],
    }


class Announcements:
    """The use cases' `Announcements`: what is said goes out with the unit of work."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    def created(self, program: Program) -> None:
        self._work.announce(contract.ProgramCreated(program_id=program.id, currency=program.details.currency))

    def updated(self, program: Program) -> None:
        self._snapshot(contract.ProgramUpdated(**snapshot_of(program)))

    def published(self, program: Program) -> None:
        self._snapshot(contract.ProgramPublished(**snapshot_of(program)))

    def _snapshot(self, fact: Fact) -> None:
        # JSON in JSON: the form's quotes are escaped once more, which only the dump shows.
        if len(fact.model_dump_json().encode()) > SNAPSHOT_BYTES_MAX:
            raise ProgramTooLargeError
        self._work.announce(fact)

    def closed(self, program: Program) -> None:
        self._work.announce(contract.ProgramClosed(program_id=program.id))

    def archived(self, program: Program) -> None:
        self._work.announce(contract.ProgramArchived(program_id=program.id))

    def deleted(self, program: Program) -> None:
        self._work.announce(contract.ProgramDeleted(program_id=program.id))

    def seated(self, program: Program, executive: Executive) -> None:
        self._work.announce(
            contract.ExecutiveAdded(
                program_id=program.id,
                executive_id=executive.id,
                user_id=executive.user_id,
                is_chair=executive.is_chair,
            )
        )

    def unseated(self, program: Program, executive: Executive) -> None:
        self._work.announce(
            contract.ExecutiveRemoved(program_id=program.id, executive_id=executive.id, user_id=executive.user_id)
        )

    def update_posted(self, update: ProgramUpdate) -> None:
        self._work.announce(
            contract.UpdatePosted(program_id=update.program_id, update_id=update.id, author_id=update.author_id)
        )
