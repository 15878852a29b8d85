"""Everything configurable about applications, validated once at start."""

import os
from typing import Annotated, ClassVar, Literal

from pydantic import Field, SecretStr

from chassis.s3_settings import StorageSettings


def _openai_key() -> SecretStr | None:
    key = os.environ.get("OPENAI_API_KEY")
    return SecretStr(key) if key else None


class ApplicationsSettings(StorageSettings):
    """Settings of `applications`; 09-values has the defaults."""

    CONTEXT: ClassVar[str] = "applications"

    port: Annotated[int, Field(ge=0, le=65_535)] = 8003
    worker_port: Annotated[int, Field(ge=0, le=65_535)] = Field(8103, description="Health and metrics of a worker.")

    signed_url_seconds: Annotated[int, Field(ge=1, le=7 * 24 * 3600)] = 15 * 60

    document_size_bytes_max: Annotated[int, Field(ge=1)] = 20 * 1024 * 1024
    documents_max: Annotated[int, Field(ge=1, le=100)] = 20
    appeal_window_days: Annotated[int, Field(ge=0, le=365)] = 14

    video_size_bytes_max: Annotated[int, Field(ge=1)] = 2 * 1024 * 1024 * 1024
    video_seconds_min: Annotated[int, Field(ge=0)] = 5
    video_seconds_max: Annotated[int, Field(ge=1)] = 10 * 60

    # Read as OpenAI's own client reads them; `IMPACTNET_APPLICATIONS_OPENAI_…` is stronger.
    openai_api_key: SecretStr | None = Field(default_factory=_openai_key, description="OPENAI_API_KEY")
    openai_base_url: str | None = Field(
        default_factory=lambda: os.environ.get("OPENAI_BASE_URL"), description="OPENAI_BASE_URL: any compatible API."
    )
    openai_model: str = Field(
        default_factory=lambda: os.environ.get("OPENAI_MODEL", "gpt-4.1-mini"),
        description="OPENAI_MODEL: asks, scores.",
    )
    openai_transcribe_model: str = Field(
        default_factory=lambda: os.environ.get("OPENAI_TRANSCRIBE_MODEL", "whisper-1"),
        description="OPENAI_TRANSCRIBE_MODEL: listens.",
    )

    transcriber: Literal["auto", "openai", "moonshine", "none"] = Field(
        "auto", description="auto: OpenAI with a key, else the local model when its extra is installed."
    )
    interviewer: Literal["auto", "openai", "rules"] = Field("auto", description="auto: OpenAI with a key, else rules.")
    interview_questions: Annotated[int, Field(ge=1, le=12)] = 5
    interview_turns_max: Annotated[int, Field(ge=1, le=100)] = 12
    interview_message_characters_max: Annotated[int, Field(ge=1, le=10_000)] = 4_000
    interview_minutes_max: Annotated[int, Field(ge=1, le=24 * 60)] = 60
    interview_tokens_max: Annotated[int, Field(ge=1)] = 30_000
