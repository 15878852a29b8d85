"""Migrations: Alembic from inside the package, one at a time (advisory lock), as the schema's owner."""

import asyncio
import sys
from importlib import import_module
from pathlib import Path
from typing import Final

from alembic import command, context, op
from alembic.config import Config
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from chassis.settings import ServiceSettings

# DDL that cannot get its lock in this time gives up rather than queue everybody else behind it.
LOCK_TIMEOUT_SECONDS: Final = 5
# Another replica's migration may take this long before we stop waiting for our turn.
TURN_TIMEOUT_SECONDS: Final = 300


def _config(settings: ServiceSettings) -> Config:
    package = import_module(f"{settings.CONTEXT}.migrations")
    config = Config(stdout=sys.stdout)
    config.set_main_option("script_location", str(Path(str(package.__file__)).parent))
    config.attributes["settings"] = settings
    return config


def migrate(settings: ServiceSettings) -> None:
    """Bring the schema up to this version of the code; call outside an event loop."""
    command.upgrade(_config(settings), "head")


def check_migrations(settings: ServiceSettings) -> None:
    """Raise `alembic.util.CommandError` when the tables in code and those that migrations make differ."""
    command.check(_config(settings))


def run_environment(metadata: MetaData) -> None:
    """What each service's `migrations/env.py` calls."""
    settings: ServiceSettings = context.config.attributes["settings"]
    asyncio.run(_run(settings, metadata))


async def _run(settings: ServiceSettings, metadata: MetaData) -> None:
    engine = create_async_engine(settings.migrator_database_url.get_secret_value(), poolclass=NullPool)
    async with engine.connect() as connection:
        owner = f"{settings.CONTEXT}_owner"
        await connection.execute(text(f'SET ROLE "{owner}"'))
        await connection.execute(text(f'SET search_path TO "{settings.CONTEXT}"'))
        await connection.execute(text(f"SET lock_timeout = '{TURN_TIMEOUT_SECONDS}s'"))
        await connection.execute(
            text("SELECT pg_advisory_lock(hashtext(:name))"), {"name": f"impactnet-migrations-{settings.CONTEXT}"}
        )
        await connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'"))
        await connection.commit()
        await connection.run_sync(_migrate, metadata)
        await connection.commit()
    await engine.dispose()


def _migrate(connection: Connection, metadata: MetaData) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def execute_sql_file(migration: str) -> None:
    """Run the `.sql` file beside a migration (its `__file__`); statements are separated by an empty line."""
    content = Path(migration).with_suffix(".sql").read_text(encoding="utf-8")
    lines = [line for line in content.splitlines() if not line.startswith("--")]
    for statement in "\n".join(lines).split(";\n\n"):
        if statement.strip():
            op.execute(text(statement.strip().removesuffix(";").replace(":", r"\:")))


def standard_tables_sql(version: int = 1) -> list[str]:
    """The statements that create the tables every service has, as of a version; each has a migration that runs them."""
    content = (Path(__file__).parent / f"standard_tables_{version}.sql").read_text(encoding="utf-8")
    return [statement.strip() for statement in content.split(";") if statement.strip()]
