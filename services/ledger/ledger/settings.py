"""Everything configurable about the ledger."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from chassis.s3_settings import StorageSettings
from chassis.settings import DEVELOPMENT_KEY, Key
from ledger.domain.bank_accounts import BankAccount, parse_bank_accounts

DEVELOPMENT_ORIGIN = "localhost/impactnet-ledger"
DEVELOPMENT_BANK_ACCOUNT = "0123456789:NGN:sandbox+manual+paystack"


class LedgerSettings(StorageSettings):
    """`IMPACTNET_LEDGER_<NAME>`."""

    CONTEXT: ClassVar[str] = "ledger"
    COMMA_SEPARATED: ClassVar[frozenset[str]] = frozenset({"verifier_keys", "verification_old_keys", "bank_accounts"})
    SECRETS: ClassVar[frozenset[str]] = frozenset({"verifier_keys", "verification_key"})

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
    signer_port: Annotated[int, Field(ge=0, le=65_535)] = Field(8106, description="Health and metrics of the signer.")
    witness_policy: Annotated[str, Field(min_length=1)] | None = Field(
        None,
        description="Path of a C2SP tlog-policy file: the witnesses that the signer asks; the API shows it.",
    )
    # Less than the interval (the signer sees to that): the next checkpoint does not wait for a slow witness.
    witness_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 5
    verification_key: Key = Field(
        DEVELOPMENT_KEY, description="Seals what the worker has verified (base64 of 32 bytes); no other process has it."
    )
    verification_old_keys: list[Key] = Field(
        default_factory=list, description="Keys that sealed what was verified before; needed as long as it is kept."
    )
    verified_state_path: str | None = Field(
        None, description="File in which the worker remembers what it verified last, outside the database's reach."
    )
    # UTC; at night in Nigeria, when nobody waits.
    nightly_verification_hour: Annotated[int, Field(ge=0, le=23)] = 2
    public_url: str = Field("http://localhost:8000", description="Where the QR codes on receipts lead.")

    # The sandbox confirms whatever it is told and pays nobody: it is a default for development alone.
    donation_rail: Literal["sandbox", "manual", "paystack"] = Field(
        "sandbox", description="How donations are confirmed; production has no default."
    )
    payment_rail: Literal["sandbox", "manual", "paystack"] = Field(
        "sandbox", description="How disbursements and refunds are paid; production has no default."
    )
    # No default: a rail that moves money is only ever set up on purpose. It signs Paystack's webhooks too.
    paystack_secret_key: SecretStr | None = Field(
        None, description="Paystack's secret key (sk_live_...); needed by the API and the worker where it is a rail."
    )
    paystack_url: str = Field("https://api.paystack.co", description="Where Paystack's API is.")
    bank_accounts: list[str] = Field(
        default_factory=list,
        description="Our accounts at banks, NUMBER:CURRENCY:rail+rail each; development has an example.",
    )
    statement_mappings: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="Path of a TOML file with mappings of banks' CSV columns, besides those that come along."
    )
    # A transfer at the end of a week with a holiday; the same for the bank's day and for ours.
    reconciliation_window_days: Annotated[int, Field(ge=0, le=30)] = 5
    statement_text_days: Annotated[int, Field(ge=1, le=36_500)] = Field(
        2_557, description="How long what banks wrote about entries can be read (7 years); then its key is destroyed."
    )
    # A slow rail holds one payment at a time per worker; the sandbox's timeout outcome takes this long.
    rail_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 10

    @field_validator("bank_accounts")
    @classmethod
    def check_bank_accounts(cls, value: list[str]) -> list[str]:
        parse_bank_accounts(value)
        return value

    def our_bank_accounts(self) -> tuple[BankAccount, ...]:
        """Whose statements are compared with the books; production has none unless they are set."""
        example = [DEVELOPMENT_BANK_ACCOUNT] if self.environment == "development" else []
        return parse_bank_accounts(self.bank_accounts or example)

    def needed_secrets(self) -> frozenset[str]:
        """The API shows what was verified and must not be able to say it itself."""
        return super().needed_secrets() - ({"verification_key"} if self.process == "api" else set())

    @model_validator(mode="after")
    def require_named_rails(self) -> Self:
        """Production moves money by the rails that somebody chose, never by the sandbox because nobody did."""
        if self.environment == "production" and self.process in {"any", "api", "worker"}:
            left_out = [name for name in ("donation_rail", "payment_rail") if name not in self.model_fields_set]
            if left_out:
                names = " and ".join(f"IMPACTNET_LEDGER_{name.upper()}" for name in left_out)
                raise ValueError(
                    f"production needs {names}: paystack or manual; or sandbox, if no money in it is to be real"
                )
        return self

    @model_validator(mode="after")
    def require_paystack_key(self) -> Self:
        """Whoever chooses Paystack has a key for it; money that counts is moved with a live one, over TLS."""
        key = self.paystack_secret_key
        if key is not None and not key.get_secret_value():
            raise ValueError("IMPACTNET_LEDGER_PAYSTACK_SECRET_KEY is empty: leave it out, or set the key")
        if key is None:
            if "paystack" in {self.donation_rail, self.payment_rail} and self.process in {"any", "api", "worker"}:
                raise ValueError("the rail paystack needs IMPACTNET_LEDGER_PAYSTACK_SECRET_KEY")
        elif self.environment == "production":
            if not key.get_secret_value().startswith("sk_live_"):
                raise ValueError("production needs a live IMPACTNET_LEDGER_PAYSTACK_SECRET_KEY (sk_live_...)")
            if not self.paystack_url.startswith("https://"):
                raise ValueError("production needs IMPACTNET_LEDGER_PAYSTACK_URL to be https")
        return self

    @model_validator(mode="after")
    def require_origin(self) -> Self:
        """A log without a name of its own could be mistaken for another: production has to choose one."""
        if self.environment == "production" and self.origin == DEVELOPMENT_ORIGIN:
            raise ValueError("production needs IMPACTNET_LEDGER_ORIGIN: the name of this log, for ever")
        return self
