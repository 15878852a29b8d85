"""The applicant goes back to the draft to change answers or documents; the video stays."""

from applications.domain.application import Application
from applications.use_cases.ports import Desk


async def reopen(desk: Desk, application: Application) -> None:
    """The application must be locked.

    Raises:
        IllegalStateError: the interview has begun, or there is nothing to reopen.
    """
    application.reopen()
    await desk.applications.save(application, "application_reopened")
    desk.announce.reopened(application)
