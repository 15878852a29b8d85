"""Secrets of a development system: random, made once per state folder, for its owner alone; there is no default."""

import base64
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from local_stack.roles import CONTEXTS, LOGIN_ROLES
from local_stack.signing_key import make_signing_key, make_witness_key


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


_ENVIRONMENT: Final[dict[str, Callable[[], str]]] = {
    **{f"IMPACTNET_{context.upper()}_MASTER_KEY": _key for context in CONTEXTS},
    "IMPACTNET_GATEWAY_TICKET_KEY": _key,
    "IMPACTNET_LEDGER_SIGNING_KEY": make_signing_key,
    "IMPACTNET_LEDGER_VERIFICATION_KEY": _key,
    "IMPACTNET_WITNESS_KEY": make_witness_key,
    "IMPACTNET_S3_ACCESS_KEY": lambda: secrets.token_hex(10),
    "IMPACTNET_S3_SECRET_KEY": lambda: secrets.token_hex(20),
}
_PASSWORDS: Final = {f"password of {role}": secrets.token_urlsafe for role in LOGIN_ROLES}


@dataclass(frozen=True, slots=True)
class DevelopmentSecrets:
    """What the services of one state folder are told and nobody else.

    `environment` is by variable name (keys are base64 of 32 bytes; those of ledger and witness are signed-note keys),
    `database_passwords` by login role.
    """

    environment: dict[str, str]
    database_passwords: dict[str, str]


def load_or_make(path: Path) -> DevelopmentSecrets:
    """Reads the file, making what it lacks: a newer version of the system may want one more secret."""
    values: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    missing = {name: make() for name, make in (_ENVIRONMENT | _PASSWORDS).items() if name not in values}
    if missing:
        values |= missing
        write_private(path, json.dumps(values, indent=2) + "\n")
    return DevelopmentSecrets(
        environment={name: values[name] for name in _ENVIRONMENT},
        database_passwords={role: values[f"password of {role}"] for role in LOGIN_ROLES},
    )


def write_private(path: Path, text: str) -> None:
    """Writes the file for its owner alone (mode 0600 from its first byte), whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    fresh.replace(path)
