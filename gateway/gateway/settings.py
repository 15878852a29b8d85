"""Everything the gateway is told from outside, validated once at start."""

from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from chassis.settings import DEVELOPMENT_KEY, Key, ServiceSettings
from gateway.addresses import ClientAddresses
from gateway.routes import Service

# What browsers may come from in development when nothing is said (09).
DEVELOPMENT_ORIGINS = ("http://localhost:3000",)

Quota = Annotated[int, Field(ge=1, le=1_000_000)]


class GatewaySettings(ServiceSettings):
    """`IMPACTNET_GATEWAY_<NAME>`, or `IMPACTNET_<NAME>` for what all services share."""

    CONTEXT: ClassVar[str] = "gateway"
    COMMA_SEPARATED: ClassVar[frozenset[str]] = frozenset({"allowed_origins", "trusted_proxies"})

    identity_url: str = "http://127.0.0.1:8001"
    programs_url: str = "http://127.0.0.1:8002"
    applications_url: str = "http://127.0.0.1:8003"
    ledger_url: str = "http://127.0.0.1:8004"
    feed_url: str = "http://127.0.0.1:8005"
    # A hung service may hold this many of our connections to it, and none of another's.
    connections_per_service_max: Annotated[int, Field(ge=1, le=10_000)] = 200
    connect_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0

    allowed_origins: list[str] = Field(
        default_factory=list, description="Origins for CORS and sockets; http://localhost:3000 in development."
    )
    trusted_proxies: list[str] = Field(
        default_factory=list, description="Addresses or networks whose X-Forwarded-For and X-Real-IP are believed."
    )
    valkey_url: SecretStr | None = Field(None, description="valkey:// or redis://; shared limits and used tickets.")
    ticket_key: Key = Field(DEVELOPMENT_KEY, description="Seals socket tickets; the same for all gateways.")

    keys_file: Path | None = Field(None, description="Keeps identity's public keys over a restart without identity.")

    reads_per_user_per_minute: Quota = 600
    reads_per_address_per_minute: Quota = 120
    writes_per_minute: Quota = 60
    uploads_per_hour: Quota = 10
    logins_per_account_per_minute: Quota = Field(5, description="From one address.")
    logins_per_address_per_minute: Quota = 20
    logins_per_account_everywhere_per_minute: Quota = Field(30, description="Past it answers are slow, never refused.")
    step_ups_per_user_per_minute: Quota = 10
    webhooks_per_address_per_minute: Quota = 600
    slow_login_seconds: Annotated[float, Field(ge=0, le=4)] = 2.0

    headers_bytes_max: Annotated[int, Field(ge=1024, le=1_048_576)] = 32 * 1024
    headers_count_max: Annotated[int, Field(ge=10, le=1000)] = 100
    headers_seconds: Annotated[float, Field(gt=0, le=600)] = Field(10.0, description="For a request's headers (09).")
    body_stall_seconds: Annotated[float, Field(gt=0, le=600)] = Field(20.0, description="Without a byte of body (09).")
    # Longer than the idle time of the proxies before us, so that it is never we who cut a reused connection.
    keep_alive_seconds: Annotated[int, Field(ge=1, le=600)] = 75

    sockets_per_user_max: Quota = 20
    sockets_max: Quota = Field(20_000, description="Open sockets of this process; more are told 4029.")
    socket_buffer_bytes_max: Annotated[int, Field(ge=4096)] = Field(1024 * 1024, description="For one slow reader.")
    socket_auth_seconds: Annotated[float, Field(gt=0, le=60)] = Field(10.0, description="For the first message.")
    socket_send_seconds: Annotated[float, Field(gt=0, le=60)] = Field(8.0, description="For one frame to leave.")
    ring_seconds: Annotated[int, Field(ge=1, le=86_400)] = Field(1800, description="How far back a resume reaches.")
    # At 500 frames a second of 500 bytes half an hour is 450 MB; what memory does not hold is `recovered: false`.
    ring_bytes_max: Annotated[int, Field(ge=65_536)] = 64 * 1024 * 1024
    drain_seconds: Annotated[float, Field(ge=0, le=20)] = Field(10.0, description="To close all sockets on SIGTERM.")
    openapi_seconds: Annotated[float, Field(ge=0)] = Field(30.0, description="Age at which the document is looked at.")

    @field_validator("trusted_proxies")
    @classmethod
    def trusted_proxies_are_networks(cls, value: list[str]) -> list[str]:
        ClientAddresses(value)
        return value

    @field_validator("allowed_origins")
    @classmethod
    def origins_are_origins(cls, value: list[str]) -> list[str]:
        for origin in value:
            scheme, _, host = origin.partition("://")
            if scheme not in {"http", "https"} or not host or "/" in host or "*" in host:
                raise ValueError(f"{origin} is no origin: scheme://host[:port], no path, no wildcard")
        return value

    @classmethod
    def secret_fields(cls) -> frozenset[str]:
        """The gateway has no database: the sealing key of tickets is its only secret."""
        return frozenset({"ticket_key"})

    @model_validator(mode="after")
    def refuse_development_secrets(self) -> Self:
        """Nothing starts in production with a default secret: it says which one is missing."""
        if self.environment == "production" and self.ticket_key == DEVELOPMENT_KEY:
            raise ValueError("production needs IMPACTNET_GATEWAY_TICKET_KEY: there is no default for a secret")
        return self

    def origins(self) -> frozenset[str]:
        """The origins that browsers may come from."""
        if not self.allowed_origins and self.environment == "development":
            return frozenset(DEVELOPMENT_ORIGINS)
        return frozenset(self.allowed_origins)

    def url_of(self, service: Service) -> str:
        """The base address of a service, without a slash at its end."""
        urls = {
            Service.IDENTITY: self.identity_url,
            Service.PROGRAMS: self.programs_url,
            Service.APPLICATIONS: self.applications_url,
            Service.LEDGER: self.ledger_url,
            Service.FEED: self.feed_url,
        }
        return urls[service].rstrip("/")
