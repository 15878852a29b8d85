"""The one table: business refusal -> HTTP status."""

from applications.domain import interview, refusals, storage, video
from chassis.api.problems import ProblemTable

PROBLEMS = ProblemTable(
    {
        refusals.ProgramNotOpenError: 409,
        refusals.ApplicationExistsError: 409,
        refusals.FormIncompleteError: 422,
        refusals.TooManyDocumentsError: 409,
        refusals.QuorumNotMetError: 409,
        refusals.NotTheDeciderError: 403,
        refusals.RecusedError: 403,
        refusals.SamePersonError: 403,
        refusals.IsPayeeError: 403,
        refusals.AppealExistsError: 409,
        refusals.AppealWindowClosedError: 409,
        storage.ObjectTooLargeError: 413,
        storage.StorageUnavailableError: 503,
        video.NotAVideoError: 415,
        video.SizeMismatchError: 422,
        video.UploadMissingError: 409,
        video.UploadExpiredError: 409,
        interview.InterviewerUnavailableError: 503,
        interview.AnswerInFlightError: 409,
        interview.TurnsExhaustedError: 409,
        interview.NotFlaggedError: 409,
        interview.AlreadyContestedError: 409,
    }
)
