"""Writes what others read without Python: a JSON Schema per event type and one AsyncAPI 3 document."""

import json
import sys
from pathlib import Path
from typing import Any, Final

from contracts.envelope import SCHEMA_BASE
from contracts.registry import FACT_BY_TYPE
from contracts.topics import CONTEXTS, topic_of

SCHEMAS: Final = Path(__file__).parent / "schemas"
RELEASED: Final = Path(__file__).parent / "released"
ASYNCAPI: Final = Path(__file__).parent / "asyncapi.json"


def schema_of(event_type: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of an event's `data`."""
    model = FACT_BY_TYPE[event_type]
    schema = model.model_json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{SCHEMA_BASE}{event_type}.json",
    } | schema


def asyncapi() -> dict[str, Any]:
    """An AsyncAPI 3.0 document of all topics, generated from the registry so that it cannot drift."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for context in CONTEXTS:
        types = [name for name in FACT_BY_TYPE if name.startswith(f"{context}.")]
        channels[context] = {
            "address": topic_of(context),
            "messages": {
                name: {
                    "name": name,
                    "contentType": "application/cloudevents+json",
                    "summary": (FACT_BY_TYPE[name].__doc__ or "").strip().split("\n")[0],
                    "payload": {"$ref": f"schemas/{name}.json"},
                }
                for name in types
            },
        }
        operations[f"publish_{context}"] = {"action": "send", "channel": {"$ref": f"#/channels/{context}"}}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "ImpactNet events",
            "version": "1.0.0",
            "description": "CloudEvents 1.0 in structured JSON; the payload below is the event's `data`.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": operations,
    }


def _documents() -> dict[Path, str]:
    documents = {SCHEMAS / f"{name}.json": schema_of(name) for name in FACT_BY_TYPE}
    documents[ASYNCAPI] = asyncapi()
    return {path: json.dumps(body, indent=2, sort_keys=True) + "\n" for path, body in documents.items()}


def generate() -> int:
    """Write everything; returns 0."""
    SCHEMAS.mkdir(exist_ok=True)
    documents = _documents()
    for path, text in documents.items():
        path.write_text(text)
    sys.stdout.write(f"{len(documents)} documents written\n")
    return 0


def check() -> int:
    """Compare what is checked in with what the models say; returns 1 and names each difference."""
    stale = [path.name for path, text in _documents().items() if not path.exists() or path.read_text() != text]
    for name in stale:
        sys.stderr.write(f"stale: {name}; run: python -m contracts generate\n")
    return 1 if stale else 0


def release() -> int:
    """Take the present schemas as released: from now on the compatibility test holds them."""
    RELEASED.mkdir(exist_ok=True)
    for name in FACT_BY_TYPE:
        (RELEASED / f"{name}.json").write_text((SCHEMAS / f"{name}.json").read_text())
    sys.stdout.write(f"{len(FACT_BY_TYPE)} schemas released\n")
    return 0
