"""The worker asks for the AI's opinion on a completed interview; nothing waits for it and nothing moves by it."""

from datetime import timedelta
from typing import Final

import structlog

from applications.domain.interview import Interviewer, InterviewerUnavailableError, Scorecard
from applications.domain.interview_record import Opinion
from applications.use_cases.examine_video import OpenDesk
from applications.use_cases.start_interview import dossier_of
from chassis.personal_data import SubjectErasedError

log = structlog.get_logger(__name__)

# Longer than an interviewer takes at most (50 s); a worker that died is replaced after this long.
CLAIM: Final = timedelta(seconds=90)
RETRY_SECONDS_FIRST: Final = 5
RETRY_SECONDS_MAX: Final = 600


class InterviewScorer:
    """`open_desk` opens a unit of work each time: none is open while the interviewer thinks."""

    def __init__(self, open_desk: OpenDesk, interviewer: Interviewer) -> None:
        self._open_desk = open_desk
        self._interviewer = interviewer

    async def score_next(self) -> bool:
        """Score one interview that waits; False when none does. An interviewer that is away is asked again later."""
        async with self._open_desk() as desk:
            interview = await desk.interviews.claim_scoring(desk.now + CLAIM)
            if interview is None:
                return False
            application = await desk.applications.find(interview.application_id)
            if application is None:
                await desk.interviews.postpone_scoring(interview, None)
                return True
            dossier = await dossier_of(desk, application)
            recorded = await desk.interviews.recorded(interview, application.user_id)
        said = [each.said for each in recorded]
        findings = {each.said.id: each.finding for each in recorded if each.said.role == "user"}
        try:
            scorecard = await self._interviewer.score(dossier, said, findings)
        except InterviewerUnavailableError:
            pause = min(RETRY_SECONDS_FIRST * 2 ** min(interview.scoring_attempts, 10), RETRY_SECONDS_MAX)
            log.warning("interview_not_scored", interview_id=str(interview.id), attempts=interview.scoring_attempts)
            async with self._open_desk() as desk:
                await desk.interviews.postpone_scoring(interview, desk.now + timedelta(seconds=pause))
            return True
        try:
            async with self._open_desk() as desk:
                application = await desk.applications.get_locked(interview.application_id)
                if await desk.interviews.keep_opinion(interview, opinion_of(scorecard), application.user_id):
                    flags = sum(finding.flagged_for_review for finding in findings.values())
                    await desk.applications.save(application, "interview_scored")
                    desk.announce.interview_scored(application, interview, flags)
        except SubjectErasedError:
            async with self._open_desk() as desk:
                await desk.interviews.postpone_scoring(interview, None)
        return True


def opinion_of(scorecard: Scorecard) -> Opinion:
    """The scorecard as it is kept."""
    provenance = scorecard.provenance
    return Opinion(
        score=scorecard.score,
        recommendation=scorecard.recommendation,
        summary=scorecard.summary,
        quotes=[{"source": quote.source, "text": quote.text} for quote in scorecard.quotes],
        provenance={
            "model": provenance.model,
            "prompt_version": provenance.prompt_version,
            "parameters": provenance.parameters,
            "response_id": provenance.response_id,
            "tokens": provenance.tokens,
        },
    )
