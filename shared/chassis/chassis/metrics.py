"""What the chassis measures (Prometheus)."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

REQUESTS: Final = Counter("impactnet_http_requests", "Requests answered.", ["context", "method", "route", "status"])
REQUEST_SECONDS: Final = Histogram(
    "impactnet_http_request_seconds",
    "Time to answer.",
    ["context", "route"],
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
RELAY_ACTIVE: Final = Gauge("impactnet_relay_active", "1 while this process' relay holds the lease.", ["context"])
RELAYED: Final = Counter("impactnet_outbox_relayed", "Events acknowledged by the broker.", ["context"])
OUTBOX_DEPTH: Final = Gauge("impactnet_outbox_depth", "Events not yet published.", ["context"])
OUTBOX_AGE_SECONDS: Final = Gauge("impactnet_outbox_age_seconds", "Age of the oldest unpublished event.", ["context"])
HANDLED: Final = Counter("impactnet_events_handled", "Events by outcome.", ["context", "type", "outcome"])
AT_ONCE: Final = Counter(
    "impactnet_lone_events", "Events tried in one statement on assumptions: kept, or refused.", ["context", "outcome"]
)
BATCH_SECONDS: Final = Histogram(
    "impactnet_event_batch_seconds",
    "Time from an event batch's first statement to its commit.",
    ["context"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
CONSUMER_LAG: Final = Gauge("impactnet_consumer_lag", "Records behind the end.", ["context", "topic", "partition"])
PARKED: Final = Gauge("impactnet_events_parked", "Events waiting for a retry or a dependency.", ["context"])
DEAD_LETTERS: Final = Counter("impactnet_dead_letters", "Events given up on.", ["context", "type"])
