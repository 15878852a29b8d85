"""The applicant submits: what was answered, uploaded and said is frozen, hashed, and goes to the board."""

from applications.domain.application import Application
from applications.domain.submission import freeze
from applications.use_cases.ports import Desk


async def submit(desk: Desk, application: Application) -> None:
    """The application must be locked.

    Raises:
        IllegalStateError: the interview is not completed, or it is submitted already.
    """
    application.submit(desk.now)
    documents = await desk.documents.of([application.id])
    video = (await desk.videos.shown([application.id])).get(application.id)
    transcript_sha256 = await desk.interviews.find_transcript_sha256(application.id)
    submission = freeze(application, documents, video, transcript_sha256)
    await desk.submissions.add(application, submission)
    await desk.applications.save(application, "application_submitted")
    desk.announce.submitted(application, submission.sha256)
