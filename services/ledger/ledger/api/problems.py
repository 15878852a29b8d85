"""Which HTTP status each of the ledger's refusals is answered with."""

from chassis.api.problems import ProblemTable
from ledger.domain.refusals import (
    AmountInvalidError,
    BadNoticeError,
    BadProofError,
    BadShapeError,
    BankReferenceUsedError,
    BeyondTipError,
    CurrencyUnsupportedError,
    InsufficientFundsError,
    NotYetCheckpointedError,
    RailUnavailableError,
    ReceiptNotReadyError,
    ReceiptUnavailableError,
)

PROBLEMS = ProblemTable(
    {
        AmountInvalidError: 422,
        CurrencyUnsupportedError: 422,
        BadNoticeError: 400,
        BadProofError: 422,
        BankReferenceUsedError: 409,
        RailUnavailableError: 422,
        BeyondTipError: 422,
        BadShapeError: 404,  # a path that is not one names nothing
        InsufficientFundsError: 409,
        NotYetCheckpointedError: 409,
        ReceiptNotReadyError: 409,
        ReceiptUnavailableError: 503,
    }
)
