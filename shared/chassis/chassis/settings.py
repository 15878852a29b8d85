"""Settings by environment: `IMPACTNET_<NAME>` for all services, `IMPACTNET_<SERVICE>_<NAME>` for one and stronger."""

import base64
import binascii
import os
import sys
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict


def _check_key(value: SecretStr) -> SecretStr:
    try:
        raw = base64.b64decode(value.get_secret_value(), validate=True)
    except binascii.Error as error:
        raise ValueError("must be base64") from error
    if len(raw) != 32:  # noqa: PLR2004 -- AES-256: 32 bytes
        raise ValueError("must be the base64 of 32 bytes")
    return value


# A 32-byte key in base64.
Key = Annotated[SecretStr, AfterValidator(_check_key)]

# What development uses when nothing is set. Production refuses it (see `refuse_development_secrets`).
DEVELOPMENT_KEY = SecretStr(base64.b64encode(b"development-only-key-32-bytes-ok").decode())


class UnreadableFileError(Exception):
    """A setting names a file that cannot be read; says which setting and why, and nothing of what is in the file."""


def _read(name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise UnreadableFileError(f"{name}: {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UnreadableFileError(f"{name}: {path} is not UTF-8 text") from error


class _Environment(PydanticBaseSettingsSource):
    """Reads `IMPACTNET_<SERVICE>_<NAME>`, else `IMPACTNET_<NAME>`; `<either>_FILE` names a mounted file instead."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        del field
        context = getattr(self.settings_cls, "CONTEXT", "").upper()
        for name in (f"IMPACTNET_{context}_{field_name.upper()}", f"IMPACTNET_{field_name.upper()}"):
            if name in os.environ:
                return os.environ[name], field_name, False
            if f"{name}_FILE" in os.environ:
                return _read(f"{name}_FILE", Path(os.environ[f"{name}_FILE"])), field_name, False
        return None, field_name, False

    def prepare_field_value(self, field_name: str, field: FieldInfo, value: Any, value_is_complex: bool) -> Any:  # noqa: FBT001 -- the library's signature
        del field, value_is_complex
        # Lists are comma-separated: nobody wants to write JSON in an environment file.
        if isinstance(value, str) and field_name in self.settings_cls.COMMA_SEPARATED:  # type: ignore[attr-defined] # declared on ServiceSettings, which every user of this source is
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    def __call__(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, field in self.settings_cls.model_fields.items():
            value, key, is_complex = self.get_field_value(field, name)
            if value is not None:
                values[key] = self.prepare_field_value(name, field, value, is_complex)
        return values


class ServiceSettings(BaseSettings):
    """What every service is told. A service subclasses this, sets `CONTEXT` and adds its own."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, validate_default=True)

    CONTEXT: ClassVar[str] = ""
    COMMA_SEPARATED: ClassVar[frozenset[str]] = frozenset()
    # Fields that must be set by hand in production: their defaults are for development only.
    SECRETS: ClassVar[frozenset[str]] = frozenset({"database_url", "worker_database_url", "migrator_database_url"})

    environment: Literal["development", "production"] = "development"
    process: Literal["any", "api", "worker", "migrate", "command"] = Field(
        "any",
        description="What runs here, where each process is given its own secrets only; production asks for no other.",
    )
    host: str = Field("127.0.0.1", description="Address to listen on; containers say 0.0.0.0.")
    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    worker_port: Annotated[int, Field(ge=0, le=65_535)] = Field(8100, description="Health and metrics of a worker.")

    database_url: SecretStr = Field(SecretStr(""), description="PostgreSQL, as the role of the API.")
    worker_database_url: SecretStr = Field(SecretStr(""), description="PostgreSQL, as the role of the worker.")
    migrator_database_url: SecretStr = Field(SecretStr(""), description="PostgreSQL, as the role that migrates.")
    # 5 + 10: on two cores more connections only queue inside PostgreSQL; many replicas share max_connections=200.
    database_pool_size: Annotated[int, Field(ge=1, le=200)] = 5
    database_pool_overflow: Annotated[int, Field(ge=0, le=200)] = 10
    # A statement that runs longer than this is a fault, not work; migrations set their own.
    database_statement_timeout_seconds: Annotated[int, Field(ge=1, le=600)] = 15

    kafka_bootstrap: str = "127.0.0.1:9092"
    kafka_replication: Annotated[int, Field(ge=1, le=5)] = 1
    # A relay or consumer that cannot rebuild idempotence (an in-memory broker) turns it off.
    kafka_idempotence: bool = True
    worker_name: str | None = Field(None, description="Stable name of a worker: its Kafka group instance id.")

    jwks_url: str = "http://127.0.0.1:8001/.well-known/jwks.json"
    token_issuer: str = "https://api.impactnet.ng"  # noqa: S105 -- an address, not a secret
    token_audience: str = "impactnet"  # noqa: S105 -- a name, not a secret
    master_key: Key = Field(DEVELOPMENT_KEY, description="Wraps the keys of what is personal here.")

    log_format: Literal["json", "console"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    otlp_endpoint: str | None = Field(None, description="Traces go to <endpoint>/v1/traces when set.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del env_settings, dotenv_settings, file_secret_settings
        return (init_settings, _Environment(settings_cls))

    @classmethod
    def secret_fields(cls) -> frozenset[str]:
        """The union of `SECRETS` of the class and its bases."""
        return frozenset().union(*(getattr(base, "SECRETS", frozenset()) for base in cls.__mro__))

    def needed_secrets(self) -> frozenset[str]:
        """The secrets that this process can't do without; one of a service's own commands checks its own."""
        if self.process == "command":
            return frozenset()
        if self.process == "migrate":
            return frozenset({"migrator_database_url"})
        others = {"api": {"worker_database_url"}, "worker": {"database_url"}}
        if self.process in others:
            return self.secret_fields() - others[self.process] - {"migrator_database_url"}
        return self.secret_fields()

    @model_validator(mode="after")
    def refuse_development_secrets(self) -> Self:
        """Nothing starts in production with a default secret: it says which one is missing."""
        if self.environment == "production":
            missing = {name for name in self.needed_secrets() if name not in self.model_fields_set}
            uses_vault = self.process not in {"migrate", "command"}
            if uses_vault and self.master_key.get_secret_value() == DEVELOPMENT_KEY.get_secret_value():
                missing.add("master_key")
            if missing:
                names = ", ".join(f"IMPACTNET_{self.CONTEXT.upper()}_{name.upper()}" for name in sorted(missing))
                raise ValueError(f"production needs {names}: there is no default for a secret")
        return self


S = TypeVar("S", bound=ServiceSettings)


def read_settings(kind: type[S]) -> S:
    """Settings from the environment; names what is wrong and exits with 2, without showing a value."""
    try:
        return kind()
    except ValidationError as error:
        context = kind.CONTEXT
        for item in error.errors(include_input=False, include_url=False):
            name = "_".join(str(part) for part in item["loc"]).upper()
            # What settings say of one another names them itself.
            where = f"IMPACTNET_{context.upper()}_{name}: " if name else ""
            sys.stderr.write(f"{context}: {where}{item['msg'].removeprefix('Value error, ')}\n")
        raise SystemExit(2) from error
    except UnreadableFileError as error:
        sys.stderr.write(f"{kind.CONTEXT}: {error}\n")
        raise SystemExit(2) from error
