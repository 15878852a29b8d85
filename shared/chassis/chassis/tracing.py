"""W3C Trace Context through HTTP and events, and OpenTelemetry spans when an endpoint is set."""

import os
import re
from typing import Final

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from chassis.settings import ServiceSettings

_TRACEPARENT: Final = re.compile(r"^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$")


def valid_traceparent(value: str | None) -> str | None:
    """The value when it is a well-formed W3C traceparent (version 00), else None."""
    return value if value is not None and _TRACEPARENT.match(value) else None


def child_traceparent(parent: str | None) -> str:
    """A traceparent for work done here: the parent's trace with a span id of our own, or a new trace."""
    if parent is None:
        return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"
    version, trace_id, _, flags = parent.split("-")
    return f"{version}-{trace_id}-{os.urandom(8).hex()}-{flags}"


def start_tracing(settings: ServiceSettings) -> None:
    """Export spans to `<otlp_endpoint>/v1/traces`; does nothing without an endpoint."""
    if settings.otlp_endpoint is None:
        return
    # Imported here: protobuf costs 15 MiB that a process without tracing need not carry.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 -- see above

    provider = TracerProvider(resource=Resource.create({"service.name": f"impactnet-{settings.CONTEXT}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{settings.otlp_endpoint}/v1/traces")))
    trace.set_tracer_provider(provider)


tracer: Final = trace.get_tracer("impactnet")
