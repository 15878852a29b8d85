"""The interview begins: the interviewer is given the dossier, and its first question is recorded."""

from applications.domain.application import Application, Status
from applications.domain.interview import Caps, Dossier, Exchange, Finding, Interviewer, Said, Turn
from applications.domain.interview_record import Interview
from applications.domain.refusals import IllegalStateError
from applications.use_cases.freeze_answers import freeze_answers
from applications.use_cases.ports import Desk
from chassis.ids import new_id


async def dossier_of(desk: Desk, application: Application) -> Dossier:
    """What the interviewer may know of an application."""
    program = await desk.programs.find(application.program_id)
    video = (await desk.videos.shown([application.id])).get(application.id)
    return Dossier(
        program_title=program.title if program else "",
        criteria=program.criteria if program else (),
        answers=application.answers,
        speech=video.transcript if video else None,
    )


async def _freeze_reopened(desk: Desk, application: Application) -> None:
    """A draft that was reopened keeps its video: starting the interview is what hands it in again."""
    if application.status is not Status.DRAFT:
        return
    video = (await desk.videos.shown([application.id])).get(application.id)
    if video is None or video.status != "ready":
        raise IllegalStateError(application.status)
    await freeze_answers(desk, application)
    application.video_ready()


async def prepare_interview(desk: Desk, application: Application, caps: Caps) -> Exchange:
    """What to ask the interviewer for its first question; keeps nothing (end the unit of work without it).

    Raises:
        IllegalStateError, FormIncompleteError, ProgramNotOpenError
    """
    await _freeze_reopened(desk, application)
    application.start_interview(desk.now)
    return Exchange(await dossier_of(desk, application), (), 1, caps.questions)


async def begin_interview(
    desk: Desk, application: Application, interviewer: Interviewer, turn: Turn, caps: Caps
) -> tuple[Interview, Said]:
    """Record the first question; the application must be locked. Only now has the interview begun.

    Raises:
        IllegalStateError: it has begun meanwhile, or the state has changed.
    """
    await _freeze_reopened(desk, application)
    application.start_interview(desk.now)
    interview = Interview(
        id=new_id(),
        application_id=application.id,
        status="in_progress",
        model=interviewer.model,
        prompt_version=interviewer.prompt_version,
        parameters=turn.provenance.parameters,
        questions_total=caps.questions,
        started_at=desk.now,
        tokens_used=turn.provenance.tokens,
    )
    question = Said(new_id(), "assistant", turn.reply, desk.now)
    await desk.interviews.add(interview)
    await desk.interviews.add_message(interview, 1, question, application.user_id, turn.provenance)
    await desk.applications.save(application, "interview_started")
    desk.announce.interview_started(application, interview)
    desk.announce.interview_message_recorded(application, interview, question, Finding())
    return interview, question
