"""Which HTTP status each of the ledger's refusals is answered with."""

from chassis.api.problems import ProblemTable
from ledger.domain.refusals import (
    AmountInvalidError,
    BadProofError,
    BadShapeError,
    BeyondTipError,
    CurrencyUnsupportedError,
    InsufficientFundsError,
    NotYetCheckpointedError,
    ReceiptNotReadyError,
)

PROBLEMS = ProblemTable(
    {
        AmountInvalidError: 422,
        CurrencyUnsupportedError: 422,
        BadProofError: 422,
        BeyondTipError: 422,
        BadShapeError: 404,  # a path that is not one names nothing
        InsufficientFundsError: 409,
        NotYetCheckpointedError: 409,
        ReceiptNotReadyError: 409,
    }
)
