"""Why applications says no: facts with stable codes, free of HTTP."""

from chassis.refusals import (
    FieldRefusalError,
    ForbiddenError,
    IllegalStateError,
    NotFoundError,
    RefusalError,
    StepUpRequiredError,
)

__all__ = [
    "AppealExistsError",
    "AppealWindowClosedError",
    "ApplicationExistsError",
    "FieldRefusalError",
    "ForbiddenError",
    "FormIncompleteError",
    "IllegalStateError",
    "IsPayeeError",
    "NotFoundError",
    "NotTheDeciderError",
    "ProgramNotOpenError",
    "QuorumNotMetError",
    "RecusedError",
    "RefusalError",
    "SamePersonError",
    "StepUpRequiredError",
    "TooManyDocumentsError",
]


class ProgramNotOpenError(RefusalError):
    """The programme is not open for applications now."""

    CODE = "program_not_open"


class ApplicationExistsError(RefusalError):
    """You already have an application to this programme."""

    CODE = "application_exists"


class FormIncompleteError(FieldRefusalError):
    """Answers or documents are missing or do not fit; `errors` names each."""

    CODE = "form_incomplete"


class TooManyDocumentsError(RefusalError):
    """An application has room for so many documents: delete one first."""

    CODE = "too_many_documents"


class QuorumNotMetError(RefusalError):
    """Too few reviews by members of the board who have no conflict of interest."""

    CODE = "quorum_not_met"


class NotTheDeciderError(ForbiddenError):
    """The chair of the board decides; on a board without one, any executive who has reviewed."""

    CODE = "not_the_decider"


class RecusedError(ForbiddenError):
    """You declared a conflict of interest here: you neither score nor decide."""

    CODE = "recused"


class SamePersonError(ForbiddenError):
    """This needs a second person."""

    CODE = "same_person"


class IsPayeeError(ForbiddenError):
    """Whoever is paid neither asks for the payment nor approves it."""

    CODE = "is_payee"


class AppealExistsError(RefusalError):
    """This decision has been appealed already."""

    CODE = "appeal_exists"


class AppealWindowClosedError(RefusalError):
    """The time to appeal is over."""

    CODE = "appeal_window_closed"
