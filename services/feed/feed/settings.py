"""Everything configurable about the feed."""

from typing import Annotated, ClassVar

from pydantic import Field

from chassis.settings import ServiceSettings


class FeedSettings(ServiceSettings):
    """`IMPACTNET_FEED_<NAME>`. The master key wraps the keys under which people's texts are sealed."""

    CONTEXT: ClassVar[str] = "feed"
    SECRETS: ClassVar[frozenset[str]] = frozenset({"master_key"})

    port: Annotated[int, Field(ge=0, le=65_535)] = 8005
    worker_port: Annotated[int, Field(ge=0, le=65_535)] = 8105
