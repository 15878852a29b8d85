"""Names of the topics: one per context, one for each consumer's dead letters."""

from typing import Final

CONTEXTS: Final = ("identity", "programs", "applications", "ledger", "feed")
# Consumers scale by partition; six divide evenly by 1, 2, 3 and 6 workers. Growing it later reorders aggregates.
PARTITIONS: Final = 6


def topic_of(context: str) -> str:
    """The topic on which a context publishes."""
    return f"impactnet.{context}"


def dead_letter_topic_of(consumer: str) -> str:
    """The topic that takes what a consumer could not."""
    return f"impactnet.{consumer}.dlq"
