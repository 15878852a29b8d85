"""Everything that an answer about an application shows, read in a handful of statements however many there are."""

from collections.abc import Sequence
from dataclasses import dataclass

from applications.domain.application import Application
from applications.domain.award import Award
from applications.domain.document import Document
from applications.domain.next_step import next_step
from applications.domain.video_record import Video
from applications.use_cases.ports import Desk


@dataclass(frozen=True, slots=True)
class Shown:
    """An application and what belongs to it."""

    application: Application
    documents: list[Document]
    video: Video | None
    award: Award | None
    submission_sha256: str | None
    next_step: str


async def show(desk: Desk, applications: Sequence[Application], *, appeal_window_days: int) -> list[Shown]:
    """In the order given."""
    ids = [application.id for application in applications]
    if not ids:
        return []
    documents = await desk.documents.of(ids)
    videos = await desk.videos.shown(ids)
    awards = await desk.awards.last_of(ids)
    submissions = await desk.submissions.sha256_of(ids)
    programs = {each: await desk.programs.find(each) for each in {each.program_id for each in applications}}
    shown = []
    for application in applications:
        own = [document for document in documents if document.application_id == application.id]
        video = videos.get(application.id)
        award, sha256 = awards.get(application.id), submissions.get(application.id)
        step = next_step(
            application,
            programs[application.program_id],
            own,
            video,
            award=award,
            now=desk.now,
            appeal_window_days=appeal_window_days,
        )
        shown.append(Shown(application, own, video, award, sha256, step))
    return shown
