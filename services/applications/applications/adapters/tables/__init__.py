"""All tables of the schema `applications`."""

from applications.adapters.tables.application import (
    abandoned_objects,
    appeals,
    application_history,
    applications,
    documents,
    submissions,
)
from applications.adapters.tables.awards import awards, disbursement_requests, tranches
from applications.adapters.tables.base import metadata
from applications.adapters.tables.media import (
    interview_findings,
    interview_messages,
    interviews,
    message_contests,
    videos,
)
from applications.adapters.tables.programs import board_seats, programs
from applications.adapters.tables.reviews import decisions, recusals, review_revisions, reviews

__all__ = [
    "abandoned_objects",
    "appeals",
    "application_history",
    "applications",
    "awards",
    "board_seats",
    "decisions",
    "disbursement_requests",
    "documents",
    "interview_findings",
    "interview_messages",
    "interviews",
    "message_contests",
    "metadata",
    "programs",
    "recusals",
    "review_revisions",
    "reviews",
    "submissions",
    "tranches",
    "videos",
]
