"""Makes the secrets of a compose project, once: random files in volumes, each mounted only where it is needed."""  # noqa: INP001 -- a program, no package

import base64
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

# Where the volumes are, a folder each.
ROOT = Path(sys.argv[1] if len(sys.argv) > 1 else "/secrets")
CONTEXTS = ("identity", "programs", "applications", "ledger", "feed")
DATABASE = "postgresql+asyncpg://{role}:{password}@postgres:5432/impactnet"
WITNESS = "localhost/impactnet-witness"
WITNESS_URL = "http://ledger-witness:8000"
DEMO_PEOPLE = (
    ("super", "Sade Bello", "super_admin"),
    ("admin1", "Bola Adeyemi", "admin"),
    ("admin2", "Chidi Okafor", "admin"),
    ("exec1", "Ngozi Amadi", "executive"),
    ("exec2", "Musa Ibrahim", "executive"),
    ("exec3", "Tunde Lawal", "executive"),
    ("donor", "Efe Osagie", "member"),
    ("amina", "Amina Bala", "member"),
)


def main() -> None:
    """Keeps what is there: a second run, or a newer version that wants one more, changes no secret in use."""
    keep_signing_key()
    kept("postgres/postgres_password", password)
    for context in CONTEXTS:
        for process in ("api", "worker", "migrator"):
            keep_database_url(f"{context}_{process}", f"role-{context}-{process}/database_url")
        kept(f"{context}/master_key", key)
    keep_database_url("ledger_signer", "signer/database_url")
    keep_witness()
    kept("verification/key", key)
    kept("gateway/ticket_key", key)
    valkey_password = kept("valkey/password", password)
    kept("gateway/valkey_url", lambda: f"valkey://:{valkey_password}@valkey:6379/0")
    for name in ("access_key", "secret_key"):
        value = kept(f"storage/{name}", partial(secrets.token_hex, 20))
        for context in ("applications", "ledger"):
            kept(f"{context}/s3_{name}", partial(str, value))
    kept("demo/users.json", demo_users)


def kept(name: str, make: Callable[[], str]) -> str:
    """The file's content; made first when it is not there, whole or not at all."""
    path = ROOT / name
    if not path.exists():
        fresh = path.with_name(f".{path.name}")
        fresh.write_text(make())
        # Who may read it is who has the volume; the users of the images differ.
        fresh.chmod(0o444)
        fresh.replace(path)
    return path.read_text()


def keep_database_url(role: str, name: str) -> None:
    """The password for whoever makes the role, the URL for the role."""
    role_password = kept(f"postgres/{role}_password", password)
    kept(name, lambda: DATABASE.format(role=role, password=role_password))


def keep_signing_key() -> None:
    """The key that signs checkpoints, for the signer alone, and the key that verifies them.

    It bears the log's name, so it comes first: without a name, or with another one, nothing is made.
    """
    # Both come from one file, so that a run that is cut short can't leave two that don't fit.
    keys = dict(line.split("=", 1) for line in kept("signer/generated", generated_keys).splitlines())
    name = keys["IMPACTNET_LEDGER_VERIFIER_KEYS"].partition("+")[0]
    wanted = os.environ.get("IMPACTNET_LEDGER_ORIGIN", name)
    if name != wanted:
        sys.exit(
            f"the secrets here are those of the log {name}, and IMPACTNET_LEDGER_ORIGIN is {wanted}: "
            "a log never changes its name; one of another name begins with volumes of its own"
        )
    kept("signer/signing_key", lambda: keys["IMPACTNET_LEDGER_SIGNING_KEY"])
    for volume in ("signer", "ledger"):
        kept(f"{volume}/verifier_keys", lambda: keys["IMPACTNET_LEDGER_VERIFIER_KEYS"])


def keep_witness() -> None:
    """A witness's key, and the policy that asks for its word: who signs, who watches, and where."""
    generated = kept("witness/generated", partial(ledger, "witness", "keygen", WITNESS))
    key_line, witness_line = generated.splitlines()
    kept("witness/key", lambda: key_line.partition("=")[2])
    vkey = witness_line.split()[2]
    log = (ROOT / "ledger" / "verifier_keys").read_text().split(",")[0]
    kept("witness-policy/policy", lambda: f"log {log}\nwitness local {vkey} {WITNESS_URL}\nquorum local\n")


def generated_keys() -> str:
    return ledger("keys", "generate")


def ledger(*arguments: str) -> str:
    """What the ledger's own command prints; it needs the log's name and no secret, and says itself what it misses."""
    done = subprocess.run(  # noqa: S603 -- our own interpreter and module
        [sys.executable, "-m", "ledger", *arguments],
        env={**os.environ, "IMPACTNET_PROCESS": "command"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(done.returncode)
    return done.stdout


def demo_users() -> str:
    """People to try the system with, as `python -m identity seed-demo-users` takes them."""
    users = [
        {
            "email": f"{username}@demo.impactnet.ng",
            "username": username,
            "password": secrets.token_urlsafe(12),
            "full_name": full_name,
            "phone": f"+23480000000{number:02d}",
            "role": role,
        }
        for number, (username, full_name, role) in enumerate(DEMO_PEOPLE, start=1)
    ]
    return json.dumps(users, indent=2) + "\n"


def password() -> str:
    """Letters, digits, - and _: it needs no quotes in URLs, SQL and configuration files."""
    return secrets.token_urlsafe(24)


def key() -> str:
    """AES-256's 32 bytes, in base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


if __name__ == "__main__":
    main()
