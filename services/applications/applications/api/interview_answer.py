"""An interview as the board sees it: the whole conversation, its flags, the AI's score beside everything else."""

from typing import Any
from uuid import UUID

from applications.api.message_answer import interview_body, message_body
from applications.domain.interview_record import Interview
from applications.use_cases.ports import Desk


async def interview_answer(desk: Desk, application_id: UUID) -> dict[str, Any] | None:
    """The interview of an application, or None when it has not begun."""
    interview = await desk.interviews.find(application_id)
    application = await desk.applications.find(application_id)
    if interview is None or application is None:
        return None
    owner_id = application.user_id
    contests = await desk.interviews.contests(interview, owner_id)
    messages = []
    for recorded in await desk.interviews.recorded(interview, owner_id):
        quotes = [{"source": quote.source, "text": quote.text} for quote in recorded.finding.quotes]
        contest = contests.get(recorded.said.id)
        messages.append({**message_body(recorded), "quotes": quotes, "contest_reason": contest})
    opinion = await _opinion(desk, interview, owner_id)
    salt = await desk.interviews.find_salt(interview, owner_id)
    return {
        **interview_body(interview),
        **opinion,
        "flags": sum(message["flagged_for_review"] for message in messages),
        # SHA-256(salt || JCS([{role, message, timestamp}])): what the interview's block says.
        "transcript_sha256": interview.transcript_sha256,
        "transcript_salt": None if salt is None else salt.hex(),
        "messages": messages,
    }


async def _opinion(desk: Desk, interview: Interview, owner_id: UUID) -> dict[str, Any]:
    opinion = await desk.interviews.find_opinion(interview, owner_id)
    if opinion is None:
        return {"ai_score": None, "ai_recommendation": None, "ai_summary": None, "ai_quotes": [], "ai_provenance": None}
    return {
        "ai_score": f"{opinion.score:.2f}",
        "ai_recommendation": opinion.recommendation,
        "ai_summary": opinion.summary,
        "ai_quotes": opinion.quotes,
        "ai_provenance": opinion.provenance,
    }
