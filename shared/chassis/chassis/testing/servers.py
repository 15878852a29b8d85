"""Starts the servers of a test run: one PostgreSQL, one Kafka, a fresh migrated database wherever one is asked for."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from chassis.ids import new_id
from local_stack.kafka import KafkaBroker
from local_stack.postgres import EmbeddedPostgres
from local_stack.roles import drop_database, provision, random_passwords


def in_containers() -> bool:
    """Whether `make test-docker` asked for containers."""
    return os.environ.get("IMPACTNET_TEST_CONTAINERS") == "1"


def _postgres(directory: Path) -> Any:
    if in_containers():
        from chassis.testing.containers import ContainerPostgres  # noqa: PLC0415 -- Docker's client only where asked for

        return ContainerPostgres()
    return EmbeddedPostgres(directory, durability="off")


def _kafka(directory: Path) -> Any:
    if in_containers():
        from chassis.testing.containers import ContainerKafka  # noqa: PLC0415 -- Docker's client only where asked for

        return ContainerKafka()
    return KafkaBroker(directory)


class PostgresServer:
    """One PostgreSQL for the whole run; databases are copied from a migrated template per service."""

    def __init__(self, directory: Path) -> None:
        # Without fsync: these tests are about logic. Crashes of the server are tested by `tests/faults`, with it.
        self.server = _postgres(directory)
        self.passwords = random_passwords()
        self._templates: dict[str, str] = {}

    def start(self) -> None:
        asyncio.run(self.server.start())

    def stop(self) -> None:
        asyncio.run(self.server.stop())

    @property
    def admin_url(self) -> str:
        return str(self.server.admin_url)

    def database_admin_url(self, database: str) -> str:
        """The superuser's asyncpg URL of one database, for what no role may do (tampering)."""
        return self.admin_url.rsplit("/", 1)[0] + f"/{database}"

    def fresh_database(self, context: str) -> tuple[str, dict[str, str]]:
        """A new database with `context` migrated; returns its name and the URL of each role."""
        template = self._templates.get(context)
        if template is None:
            template = f"template_{context}"
            urls = asyncio.run(provision(self.admin_url, template, self.passwords))
            self._migrate(context, urls)
            self._templates[context] = template
        name = f"test_{context}_{new_id().hex[-12:]}"
        return name, asyncio.run(provision(self.admin_url, name, self.passwords, template=template))

    def drop(self, database: str) -> None:
        asyncio.run(drop_database(self.admin_url, database))

    @staticmethod
    def _migrate(context: str, urls: dict[str, str]) -> None:
        # A process of its own: Alembic's environment runs an event loop, and this is also how production migrates.
        upper = context.upper()
        environment = {f"IMPACTNET_{upper}_MIGRATOR_DATABASE_URL": urls[f"{context}_migrator"], "PATH": ""}
        command = [sys.executable, "-m", context, "migrate"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 -- our own interpreter and module
        if done.returncode != 0:
            raise RuntimeError(f"migrating {context} failed:\n{done.stdout}\n{done.stderr}")


class KafkaServer:
    """One broker for the whole run; each test uses topics or groups of its own where it matters."""

    def __init__(self, directory: Path) -> None:
        self.broker = _kafka(directory)

    def start(self) -> None:
        asyncio.run(self.broker.start())

    def stop(self) -> None:
        asyncio.run(self.broker.stop())

    @property
    def bootstrap(self) -> str:
        return str(self.broker.bootstrap)
