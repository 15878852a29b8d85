"""What ledger says: money reserved, received, paid; blocks and checkpoints."""

from typing import Annotated, ClassVar

from pydantic import Field

from contracts.fact import Amount, Code, Count, Currency, Fact, Id, Sha256Hex


class _AboutAward(Fact):
    SUBJECT: ClassVar[str] = "award_id"
    award_id: Id
    application_id: Id
    program_id: Id
    user_id: Id


class CommitmentReserved(_AboutAward):
    TYPE: ClassVar[str] = "ledger.commitment_reserved.v1"
    transaction_id: Id
    amount: Amount
    currency: Currency


class CommitmentReleased(_AboutAward):
    """What was unpaid of a cancelled award is available again."""

    TYPE: ClassVar[str] = "ledger.commitment_released.v1"
    transaction_id: Id
    amount: Amount
    currency: Currency


class CommitmentRefused(_AboutAward):
    TYPE: ClassVar[str] = "ledger.commitment_refused.v1"
    code: Code


class DonationReceived(Fact):
    """The rail confirmed it. `user_id` is null when an admin recorded it on someone's behalf."""

    TYPE: ClassVar[str] = "ledger.donation_received.v1"
    SUBJECT: ClassVar[str] = "transaction_id"
    transaction_id: Id
    program_id: Id
    user_id: Id | None
    amount: Amount
    currency: Currency


class _AboutDisbursement(Fact):
    """`transaction_id` is null when it failed before a payment could be made (no account of the payee)."""

    SUBJECT: ClassVar[str] = "award_id"
    request_id: Id
    transaction_id: Id | None
    tranche_id: Id
    award_id: Id
    application_id: Id
    program_id: Id
    user_id: Id
    amount: Amount
    currency: Currency


class DisbursementCompleted(_AboutDisbursement):
    TYPE: ClassVar[str] = "ledger.disbursement_completed.v1"


class DisbursementFailed(_AboutDisbursement):
    TYPE: ClassVar[str] = "ledger.disbursement_failed.v1"
    code: Code


class DisbursementReversed(_AboutDisbursement):
    TYPE: ClassVar[str] = "ledger.disbursement_reversed.v1"
    code: Code


class RefundCompleted(Fact):
    TYPE: ClassVar[str] = "ledger.refund_completed.v1"
    SUBJECT: ClassVar[str] = "transaction_id"
    transaction_id: Id
    donation_id: Id
    program_id: Id
    user_id: Id | None
    amount: Amount
    currency: Currency


class BlockReference(Fact):
    """A block inside `blocks_appended`; not an event of its own."""

    index: Count
    transaction_id: Annotated[str, Field(max_length=100)]
    hash: Sha256Hex


class BlocksAppended(Fact):
    """One per committed batch, split below the size cap (256 blocks are about 50 KiB)."""

    TYPE: ClassVar[str] = "ledger.blocks_appended.v1"
    SUBJECT: ClassVar[str] = "=chain"
    first_index: Count
    blocks: Annotated[list[BlockReference], Field(min_length=1, max_length=1000)]


class CheckpointPublished(Fact):
    """`note`: the signed note (C2SP tlog-checkpoint); `root`: hex."""

    TYPE: ClassVar[str] = "ledger.checkpoint_published.v1"
    SUBJECT: ClassVar[str] = "=checkpoint"
    size: Count
    root: Sha256Hex
    note: Annotated[str, Field(max_length=16_384)]


FACTS: tuple[type[Fact], ...] = (
    CommitmentReserved,
    CommitmentReleased,
    CommitmentRefused,
    DonationReceived,
    DisbursementCompleted,
    DisbursementFailed,
    DisbursementReversed,
    RefundCompleted,
    BlocksAppended,
    CheckpointPublished,
)
