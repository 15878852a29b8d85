"""Databases, roles and schemas: each context's roles reach its own schema and nothing else."""

import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

CONTEXTS: Final = ("identity", "programs", "applications", "ledger", "feed")

LOGIN_ROLES: Final = (
    *(f"{context}_{process}" for context in CONTEXTS for process in ("migrator", "api", "worker")),
    "ledger_signer",
)
"""Every role that logs in, and so has a password and a URL."""

_ROLES_SQL: Final = Path(__file__).with_name("roles.sql")
_DATABASE_SQL: Final = Path(__file__).with_name("database.sql")
_LOCK: Final = 7351024  # the same number as in the two files: one at a time in the whole cluster
_VARIABLE: Final = re.compile(r""":(['"])([a-z_]+)\1""")
_COMMENT: Final = re.compile(r"--[^\n]*")


def random_passwords() -> dict[str, str]:
    """A fresh password for every login role."""
    return {role: secrets.token_urlsafe(24) for role in LOGIN_ROLES}


def render(script: str, variables: Mapping[str, str]) -> str:
    """A psql script with its variables (`:'name'` a literal, `:"name"` an identifier) filled in, comments left out.

    Raises:
        KeyError: the script uses a variable that is not given.
    """

    def fill(match: re.Match[str]) -> str:
        quotation, name = match.groups()
        value = variables[name]
        if quotation == "'" and "\\" in value:
            raise ValueError(f"{name} may not contain a backslash")
        return quotation + value.replace(quotation, quotation * 2) + quotation

    return _VARIABLE.sub(fill, _COMMENT.sub("", script))


def roles_sql(passwords: Mapping[str, str]) -> str:
    """The SQL that makes all roles of a cluster with these passwords (by role)."""
    return render(_ROLES_SQL.read_text(), {f"{role}_password": passwords[role] for role in LOGIN_ROLES})


def database_sql(database: str) -> str:
    """The SQL that makes schemas and rights, to be run inside the database."""
    return render(_DATABASE_SQL.read_text(), {"database": database})


def role_urls(admin_url: str, database: str, passwords: Mapping[str, str]) -> dict[str, str]:
    """`postgresql+asyncpg://ROLE:PASSWORD@HOST:PORT/DATABASE` by login role."""
    host = urlsplit(admin_url).netloc.rpartition("@")[2]
    return {
        role: f"postgresql+asyncpg://{role}:{quote(passwords[role], safe='')}@{host}/{quote(database, safe='')}"
        for role in LOGIN_ROLES
    }


def database_url(admin_url: str, database: str) -> str:
    """The administrator's URL of another database on the same server."""
    parts = urlsplit(admin_url)
    return urlunsplit((parts.scheme, parts.netloc, f"/{quote(database, safe='')}", parts.query, ""))


async def provision(
    admin_url: str, database: str, passwords: Mapping[str, str], *, template: str | None = None
) -> dict[str, str]:
    """Makes the database (when missing), all roles, schemas and rights; again and at the same time is fine.

    Roles belong to the cluster: everyone who provisions one cluster gives the same passwords.

    Args:
        admin_url: `postgresql://` URL of a superuser, any database but the one to make.
        database: the name of the database to make.
        passwords: by login role (`LOGIN_ROLES`).
        template: an existing database to copy, a migrated one for instance; nobody may be connected to it meanwhile.

    Returns:
        `postgresql+asyncpg://` URLs by login role.
    """
    admin = await asyncpg.connect(admin_url)
    try:
        # Held over CREATE DATABASE too, which runs in no transaction and fails when two make one name at once.
        await admin.execute("SELECT pg_advisory_lock($1 + 1)", _LOCK)
        await admin.execute(roles_sql(passwords))
        if not await admin.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", database):
            source = f" TEMPLATE {_identifier(template)}" if template is not None else ""
            await admin.execute(f"CREATE DATABASE {_identifier(database)}{source}")
        inside = await asyncpg.connect(database_url(admin_url, database))
        try:
            await inside.execute(database_sql(database))
        finally:
            await inside.close()
    finally:
        await admin.close()  # the lock goes with the session
    return role_urls(admin_url, database, passwords)


async def drop_database(admin_url: str, database: str) -> None:
    """Drops the database if it exists, ending whoever is connected to it; the cluster's roles stay."""
    admin = await asyncpg.connect(admin_url)
    try:
        await admin.execute(f"DROP DATABASE IF EXISTS {_identifier(database)} WITH (FORCE)")
    finally:
        await admin.close()


def _identifier(name: str) -> str:
    if not name or "\0" in name:
        raise ValueError("a database needs a name")
    return '"' + name.replace('"', '""') + '"'
