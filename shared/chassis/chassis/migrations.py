"""Migrations: Alembic from inside the package, one at a time (advisory lock), as the schema's owner."""

import asyncio
import sys
from importlib import import_module
from pathlib import Path
from typing import Final

from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from chassis.settings import ServiceSettings

# DDL that cannot get its lock in this time gives up rather than queue everybody else behind it.
LOCK_TIMEOUT_SECONDS: Final = 5
# Another replica's migration may take this long before we stop waiting for our turn.
TURN_TIMEOUT_SECONDS: Final = 300
STANDARD_TABLES_SQL: Final = Path(__file__).parent / "standard_tables_1.sql"


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


def standard_tables_sql() -> list[str]:
    """The statements that create the tables every service has, version 1; each service's first migration runs them."""
    return [statement.strip() for statement in STANDARD_TABLES_SQL.read_text().split(";") if statement.strip()]
