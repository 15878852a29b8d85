"""Everything configurable about the ledger."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, SecretStr, model_validator

from chassis.settings import ServiceSettings

DEVELOPMENT_ORIGIN = "localhost/impactnet-ledger"


class LedgerSettings(ServiceSettings):
    """`IMPACTNET_LEDGER_<NAME>`."""

    CONTEXT: ClassVar[str] = "ledger"
    COMMA_SEPARATED: ClassVar[frozenset[str]] = frozenset({"verifier_keys"})
    SECRETS: ClassVar[frozenset[str]] = frozenset({"verifier_keys"})

    port: Annotated[int, Field(ge=0, le=65_535)] = 8004
    worker_port: Annotated[int, Field(ge=0, le=65_535)] = 8104

    signer_database_url: SecretStr = Field(SecretStr(""), description="PostgreSQL, as the role of the signer.")
    signing_key: SecretStr | None = Field(
        None, description="The signer's key (PRIVATE+KEY+...); `python -m ledger keys generate` makes one."
    )
    verifier_keys: list[str] = Field(
        default_factory=list, description="Published verifier keys (vkeys), the newest first; old ones stay."
    )
    origin: str = Field(DEVELOPMENT_ORIGIN, description="Name of the log in its checkpoints; never changes later.")
    # The design's interval; tests sign more often.
    signer_interval_seconds: Annotated[float, Field(gt=0, le=3600)] = 10
    signer_state_path: str | None = Field(
        None, description="File in which the signer remembers its last checkpoint, outside the database's reach."
    )
    public_url: str = Field("http://localhost:8000", description="Where the QR codes on receipts lead.")

    donation_rail: Literal["sandbox", "manual"] = Field("sandbox", description="How donations are confirmed.")
    payment_rail: Literal["sandbox"] = Field("sandbox", description="How disbursements are paid.")
    # A slow rail holds one payment at a time per worker; the sandbox's timeout outcome takes this long.
    rail_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 10

    @model_validator(mode="after")
    def require_origin(self) -> Self:
        """A log without a name of its own could be mistaken for another: production has to choose one."""
        if self.environment == "production" and self.origin == DEVELOPMENT_ORIGIN:
            raise ValueError("production needs IMPACTNET_LEDGER_ORIGIN: the name of this log, for ever")
        return self
