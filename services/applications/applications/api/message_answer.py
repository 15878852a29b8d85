"""An interview and its messages as every answer shows them (09-bodies)."""

from typing import Any

from applications.domain.interview_record import Interview, Recorded
from chassis.clock import rfc3339


def interview_body(interview: Interview) -> dict[str, Any]:
    """How far an interview is."""
    completed_at = interview.completed_at
    return {
        "id": str(interview.id),
        "status": interview.status,
        "model": interview.model,
        "prompt_version": interview.prompt_version,
        "question_number": interview.question_number,
        "questions_total": interview.questions_total,
        "started_at": rfc3339(interview.started_at),
        "completed_at": None if completed_at is None else rfc3339(completed_at),
    }


def message_body(recorded: Recorded) -> dict[str, Any]:
    """`M`, an interview message; `contested` besides."""
    said, finding = recorded.said, recorded.finding
    return {
        "id": str(said.id),
        "role": said.role,
        "content": said.content,
        "timestamp": rfc3339(said.timestamp),
        "answer_verified": finding.answer_verified,
        "flagged_for_review": finding.flagged_for_review,
        "flag_reason": finding.flag_reason,
        "contested": recorded.contested_at is not None,
    }
