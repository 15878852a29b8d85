"""The desk: all repositories on one unit of work."""

from datetime import datetime

from applications.adapters.announcements import Announcements
from applications.adapters.application_repository import ApplicationRepository
from applications.adapters.award_repository import AwardRepository, DisbursementRepository
from applications.adapters.decision_repository import AppealRepository, DecisionRepository, SubmissionRepository
from applications.adapters.document_repository import AbandonedObjectRepository, DocumentRepository
from applications.adapters.interview_repository import InterviewRepository
from applications.adapters.program_repository import ProgramRepository
from applications.adapters.review_queue import ReviewQueue
from applications.adapters.review_repository import ReviewRepository
from applications.adapters.video_repository import VideoRepository
from chassis.database import UnitOfWork
from chassis.personal_data import Vault


class PostgresDesk:
    """Keeps the promises of `use_cases.ports.Desk`."""

    def __init__(self, work: UnitOfWork, vault: Vault) -> None:
        self._work = work
        self.announce = Announcements(work)
        self.applications = ApplicationRepository(work, vault)
        self.programs = ProgramRepository(work)
        self.documents = DocumentRepository(work, vault)
        self.videos = VideoRepository(work, vault)
        self.interviews = InterviewRepository(work, vault)
        self.submissions = SubmissionRepository(work, vault)
        self.reviews = ReviewRepository(work, vault)
        self.decisions = DecisionRepository(work, vault)
        self.appeals = AppealRepository(work, vault)
        self.awards = AwardRepository(work, vault)
        self.disbursements = DisbursementRepository(work)
        self.queue = ReviewQueue(work)
        self.abandoned_objects = AbandonedObjectRepository(work)

    @property
    def now(self) -> datetime:
        return self._work.now
