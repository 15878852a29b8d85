"""Everything configurable about identity."""

import ipaddress
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, SecretStr, model_validator

from chassis.settings import ServiceSettings

# Loopback and private networks (RFC 1918, RFC 4193): where the gateway calls from, and nobody on the internet.
_OUR_NETWORKS = ["127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"]


class IdentitySettings(ServiceSettings):
    """`IMPACTNET_IDENTITY_<NAME>`."""

    CONTEXT: ClassVar[str] = "identity"
    COMMA_SEPARATED: ClassVar[frozenset[str]] = frozenset({"trusted_proxies"})

    port: Annotated[int, Field(ge=0, le=65_535)] = 8001
    worker_port: Annotated[int, Field(ge=0, le=65_535)] = 8101

    frontend_url: str = Field("http://localhost:3000", description="Where the links in mails lead.")
    trusted_proxies: list[str] = Field(
        _OUR_NETWORKS, description="Networks whose X-Forwarded-For is believed: where the gateway calls from."
    )

    # Two hash at once (one per core of a small machine, 19 MiB each); 64 waiting are 1 s of work, more hear 503.
    password_threads: Annotated[int, Field(ge=1, le=32)] = 2
    password_waiting_max: Annotated[int, Field(ge=0, le=10_000)] = 64

    # 09-values, "limits", each per minute.
    login_attempts_per_account_and_address: Annotated[int, Field(ge=1, le=10_000)] = 5
    login_attempts_per_address: Annotated[int, Field(ge=1, le=10_000)] = 20
    login_attempts_per_account: Annotated[int, Field(ge=1, le=10_000)] = 30

    # A new key is published this long before it signs: ten times what an event needs, and longer than a JWKS cache.
    key_lead_seconds: Annotated[int, Field(ge=0, le=86_400)] = 300

    mail_directory: str | None = Field(None, description="Development: each mail becomes a .json file here.")
    mail_from: str = "ImpactNet <no-reply@impactnet.ng>"
    smtp_host: str | None = Field(None, description="The mail server; production needs one.")
    smtp_port: Annotated[int, Field(ge=1, le=65_535)] = 587
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None

    @model_validator(mode="after")
    def require_a_way_to_send_mail(self) -> Self:
        """Production sends mail by a server: a folder, the log or the wire would show what opens accounts."""
        if self.environment == "production" and (self.smtp_host is None or self.mail_directory is not None):
            raise ValueError("production needs IMPACTNET_IDENTITY_SMTP_HOST, and no IMPACTNET_IDENTITY_MAIL_DIRECTORY")
        if self.environment == "production" and self.process != "migrate" and self.smtp_security == "none":
            raise ValueError("production needs IMPACTNET_IDENTITY_SMTP_SECURITY to be starttls or tls")
        return self

    @model_validator(mode="after")
    def require_networks(self) -> Self:
        """Refuse what is no address or network."""
        for entry in self.trusted_proxies:
            ipaddress.ip_network(entry, strict=False)
        return self
