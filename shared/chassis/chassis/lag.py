"""How far behind the end of its partitions a consumer is, as a metric."""

from collections.abc import Collection

from aiokafka import AIOKafkaConsumer, TopicPartition

from chassis import metrics


class Lag:
    """Of the partitions that this process reads: what another has taken over is that one's to tell."""

    def __init__(self, context: str) -> None:
        self._context = context
        self._told: set[TopicPartition] = set()

    def tell(self, consumer: AIOKafkaConsumer, partition: TopicPartition, following: int) -> None:
        """`following` is the next offset to handle."""
        end = consumer.highwater(partition) if partition in consumer.assignment() else None
        if end is not None:
            self._told.add(partition)
            metrics.CONSUMER_LAG.labels(*self._labels(partition)).set(max(0, end - following))

    def keep_only(self, ours: Collection[TopicPartition]) -> None:
        """Says nothing any more of all others."""
        for partition in self._told.difference(ours):
            metrics.CONSUMER_LAG.remove(*self._labels(partition))
            self._told.remove(partition)

    def _labels(self, partition: TopicPartition) -> tuple[str, str, str]:
        return self._context, partition.topic, str(partition.partition)
