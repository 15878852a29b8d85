"""The applicant withdraws, in any state before the board's word counts."""

from applications.domain.application import Application
from applications.use_cases.ports import Desk


async def withdraw(desk: Desk, application: Application, reason: str | None) -> None:
    """The application must be locked; an award that is being reserved is given back when the ledger answers.

    Raises:
        IllegalStateError
    """
    application.withdraw()
    await desk.decisions.lapse(application.id)
    await desk.applications.save(application, "application_withdrawn", reason)
    desk.announce.withdrawn(application)
