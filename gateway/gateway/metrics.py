"""What the gateway measures (Prometheus)."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

REQUESTS: Final = Counter("impactnet_gateway_requests", "Requests answered.", ["service", "method", "status"])
REQUEST_SECONDS: Final = Histogram(
    "impactnet_gateway_request_seconds",
    "From the first byte of the request to the last of the answer.",
    ["service"],
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
)
UPSTREAM_FAILURES: Final = Counter("impactnet_gateway_upstream_failures", "Answers not got.", ["service", "reason"])
RATE_LIMITED: Final = Counter("impactnet_gateway_rate_limited", "Calls refused by a limit.", ["policy"])
RATE_STORE_FAILURES: Final = Counter("impactnet_gateway_rate_store_failures", "Times the shared store was away.")
TOKENS_REFUSED: Final = Counter("impactnet_gateway_tokens_refused", "Tokens refused.", ["reason"])
SOCKETS: Final = Gauge("impactnet_gateway_sockets", "Open sockets.", ["channel"])
SOCKETS_CLOSED: Final = Counter("impactnet_gateway_sockets_closed", "Sockets closed by us.", ["code"])
FRAMES_SENT: Final = Counter("impactnet_gateway_frames_sent", "Event frames handed to sockets.")
RECORDS_READ: Final = Counter("impactnet_gateway_records_read", "Records read from Kafka.", ["topic"])
DUPLICATES_DROPPED: Final = Counter("impactnet_gateway_duplicates_dropped", "Records whose event was already seen.")
FEED_CONNECTED: Final = Gauge("impactnet_gateway_feed_connected", "1 while the live feed reads from Kafka.")
RING_BYTES: Final = Gauge("impactnet_gateway_ring_bytes", "Bytes of frames kept for those who resume.")
