"""Why the ledger says no: facts with stable codes, free of HTTP."""

from typing import ClassVar

from chassis.refusals import ForbiddenError, IllegalStateError, NotFoundError, RefusalError

__all__ = [
    "AmountInvalidError",
    "BadKeyError",
    "BadNoteError",
    "BadNoticeError",
    "BadProofError",
    "BadShapeError",
    "BankReferenceUsedError",
    "BeyondTipError",
    "CurrencyUnsupportedError",
    "DonationDisputedError",
    "EventContradictedError",
    "ForbiddenError",
    "IllegalStateError",
    "InsufficientFundsError",
    "IsPayeeError",
    "NotCanonicalError",
    "NotFoundError",
    "NotYetCheckpointedError",
    "NotYetKnownError",
    "RailUnavailableError",
    "ReceiptNotReadyError",
    "ReceiptUnavailableError",
    "RefusalError",
    "SamePersonError",
    "UnbalancedError",
]


class NotCanonicalError(RefusalError):
    """A value or its bytes lie outside the canonical profile."""

    CODE = "not_canonical"


class BadShapeError(RefusalError):
    """Data has not exactly the fields of its kind."""

    CODE = "bad_shape"


class BadProofError(RefusalError):
    """A proof does not prove what it should."""

    CODE = "bad_proof"
    FIELD = "from"


class BadNoteError(RefusalError):
    """A signed note is malformed or not signed by a known key."""

    CODE = "bad_note"


class BadKeyError(RefusalError):
    """A key is malformed or cannot be trusted."""

    CODE = "bad_key"


class AmountInvalidError(RefusalError):
    """An amount is not a plain decimal number of the currency."""

    CODE = "amount_invalid"
    FIELD = "amount"


class CurrencyUnsupportedError(RefusalError):
    """The ledger does not keep this currency."""

    CODE = "currency_unsupported"
    FIELD = "currency"


class UnbalancedError(RefusalError):
    """Postings do not sum to zero."""

    CODE = "unbalanced_entry"


class InsufficientFundsError(RefusalError):
    """The funds received do not cover this."""

    CODE = "insufficient_funds"


class DonationDisputedError(RefusalError):
    """What would pay is contradicted by a rail, and two people have not yet found out whether it is there."""

    CODE = "donation_disputed"


class SamePersonError(ForbiddenError):
    """Money needs two people: whoever asked or recorded cannot also confirm."""

    CODE = "same_person"


class IsPayeeError(ForbiddenError):
    """Nobody asks for or approves a payment to themselves."""

    CODE = "is_payee"


class BadNoticeError(RefusalError):
    """This is no webhook of that provider."""

    CODE = "webhook_malformed"


class BankReferenceUsedError(RefusalError):
    """This bank reference proves another transfer already."""

    CODE = "bank_reference_used"


class RailUnavailableError(RefusalError):
    """Payments of this kind are not set up here."""

    CODE = "rail_unavailable"
    FIELD = "rail"


class NotYetCheckpointedError(RefusalError):
    """The block is not yet under a signed checkpoint: ask again in a few seconds."""

    CODE = "not_yet_checkpointed"
    RETRY_AFTER_SECONDS: ClassVar[int] = 2


class ReceiptNotReadyError(RefusalError):
    """A receipt is issued once the money has moved and a checkpoint covers its block."""

    CODE = "receipt_not_ready"
    RETRY_AFTER_SECONDS: ClassVar[int] = 2


class ReceiptUnavailableError(RefusalError):
    """The receipt cannot be had right now; its number stands, and somebody has been told. Try again later."""

    CODE = "receipt_unavailable"
    RETRY_AFTER_SECONDS: ClassVar[int] = 30


class BeyondTipError(RefusalError):
    """The chain has not that many blocks."""

    CODE = "beyond_tip"
    FIELD = "height"


class NotYetKnownError(RefusalError):
    """What this builds on has not been heard of yet: it waits."""

    CODE = "not_yet_known"


class EventContradictedError(RefusalError):
    """An event came again under the same id with another content."""

    CODE = "event_contradicted"
