"""The gateway's command line: `api` (also when nothing is said) and `settings`."""

import logging
import re
import sys
from typing import Any

import typer
import uvloop
from pydantic import SecretStr, ValidationError

from chassis.logs import configure_logs
from gateway.bootstrap import serve
from gateway.descriptors import raise_descriptor_limit
from gateway.settings import GatewaySettings

app = typer.Typer(add_completion=False, help="ImpactNet gateway: routes, tokens, limits, live sockets.")


# What all services are told and the gateway has no use for: no database, nothing personal, no worker.
_NOT_OURS = re.compile(r"(worker_|migrator_|)database_|worker_|master_key|kafka_idempotence|otlp_endpoint|process")


def _load_settings() -> GatewaySettings:
    try:
        return GatewaySettings()
    except ValidationError as error:
        for item in error.errors(include_input=False, include_url=False):
            name = "_".join(str(part) for part in item["loc"]).upper()
            where = f"IMPACTNET_GATEWAY_{name}: " if name else ""
            sys.stderr.write(f"gateway: {where}{item['msg'].removeprefix('Value error, ')}\n")
        raise typer.Exit(2) from error


@app.callback(invoke_without_command=True)
def default(context: typer.Context) -> None:
    """Serve, when no command is given."""
    if context.invoked_subcommand is None:
        api()


@app.command("api", help="Serve HTTP and WebSockets.")
def api() -> None:
    settings = _load_settings()
    configure_logs(settings)
    # At INFO uvicorn writes every socket's address with its query, and the ticket is in there.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    # As many plain connections as sockets, and with them those to services, Valkey and Kafka.
    raise_descriptor_limit(2 * settings.sockets_max)
    uvloop.run(serve(settings))


@app.command("settings", help="Every setting, its value (secrets hidden) and what it is for.")
def settings_command() -> None:
    settings = _load_settings()
    for name, field in sorted(type(settings).model_fields.items()):
        if _NOT_OURS.match(name):
            continue
        value: Any = getattr(settings, name)
        if isinstance(value, SecretStr) or name == "valkey_url":
            value = "(set)" if name in settings.model_fields_set else "(not set)"
        note = f"  # {field.description}" if field.description else ""
        sys.stdout.write(f"IMPACTNET_GATEWAY_{name.upper()}={value}{note}\n")


if __name__ == "__main__":
    app()
