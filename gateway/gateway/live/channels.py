"""Names of channels: what a socket listens to and what an event goes to."""

from uuid import UUID


def application(application_id: UUID) -> str:
    """What an applicant and the board may see of one application."""
    return f"applications/{application_id}"


def interview(application_id: UUID) -> str:
    """The interview of one application."""
    return f"ai-interview/{application_id}"


def notifications(user_id: UUID) -> str:
    """One user's notifications."""
    return f"notifications/{user_id}"


# All boards at once: what goes here tells a dashboard to look again, and is itself shown to nobody.
BOARDS = "executive/dashboard"
