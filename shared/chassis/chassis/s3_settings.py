"""Where object storage is: settings of the services that keep objects, and what its client is made with."""

from dataclasses import dataclass
from typing import ClassVar, Final

from pydantic import Field, SecretStr

from chassis.settings import ServiceSettings

# One part of 8 MiB, or the copy of one large object inside the storage.
READ_TIMEOUT_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class S3Settings:
    """Where the storage is. `public_endpoint` is where clients reach it: signatures cover the host."""

    endpoint: str
    public_endpoint: str
    access_key: SecretStr
    secret_key: SecretStr
    bucket: str
    region: str
    # For small objects less will do: who waits for them has something better to do.
    read_timeout_seconds: float = READ_TIMEOUT_SECONDS


class StorageSettings(ServiceSettings):
    """What a service that keeps objects is told besides; its own settings are a subclass of this."""

    SECRETS: ClassVar[frozenset[str]] = frozenset({"s3_access_key", "s3_secret_key"})

    s3_endpoint: str = Field("http://127.0.0.1:9000", description="Object storage, as this service reaches it.")
    s3_public_endpoint: str | None = Field(None, description="Object storage as browsers reach it; signed into URLs.")
    s3_access_key: SecretStr = SecretStr("impactnet")
    s3_secret_key: SecretStr = SecretStr("impactnet-development-only")
    s3_bucket: str = "impactnet"
    s3_region: str = "us-east-1"

    @property
    def storage(self) -> S3Settings:
        return S3Settings(
            endpoint=self.s3_endpoint,
            public_endpoint=self.s3_public_endpoint or self.s3_endpoint,
            access_key=self.s3_access_key,
            secret_key=self.s3_secret_key,
            bucket=self.s3_bucket,
            region=self.s3_region,
        )
