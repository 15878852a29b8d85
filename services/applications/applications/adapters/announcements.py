"""Turns what happened here into the events that the other contexts know (`contracts.applications`)."""

from uuid import UUID

from applications.adapters.board_announcements import BoardAnnouncements
from applications.adapters.media_announcements import MediaAnnouncements, about
from applications.domain.application import Application
from contracts import applications as facts


class Announcements(MediaAnnouncements, BoardAnnouncements):
    """Keeps the promises of `use_cases.ports.Announcements`."""

    def started(self, application: Application) -> UUID:
        return self._work.announce(facts.ApplicationStarted(**about(application)))

    def reopened(self, application: Application) -> UUID:
        return self._work.announce(facts.ApplicationReopened(**about(application)))

    def submitted(self, application: Application, submission_sha256: str) -> UUID:
        # An application is submitted once: there is no way back from under review to a draft.
        fact = facts.ApplicationSubmitted(
            **about(application), submission_sha256=submission_sha256, first_submission=True
        )
        return self._work.announce(fact)

    def withdrawn(self, application: Application) -> UUID:
        return self._work.announce(facts.ApplicationWithdrawn(**about(application)))
