"""Everything configurable about programs."""

from typing import Annotated, ClassVar

from pydantic import Field

from chassis.settings import ServiceSettings


class ProgramsSettings(ServiceSettings):
    """`IMPACTNET_PROGRAMS_<NAME>`."""

    CONTEXT: ClassVar[str] = "programs"

    port: Annotated[int, Field(ge=0, le=65_535)] = 8002
    worker_port: Annotated[int, Field(ge=0, le=65_535)] = 8102
