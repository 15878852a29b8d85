"""pytest fixtures: servers started once per run and only when a test asks; a fresh database per test module."""

from collections.abc import Callable, Iterator

import pytest
import structlog

from chassis.testing.servers import KafkaServer, PostgresServer


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> None:
    """Logs without the pretty tracebacks of a terminal, which cost seconds each and print local variables."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(),
        ]
    )


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """One real PostgreSQL for the run."""
    server = PostgresServer(tmp_path_factory.mktemp("postgres"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def kafka_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """One real Kafka for the run."""
    server = KafkaServer(tmp_path_factory.mktemp("kafka"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def fresh_database(postgres_server: PostgresServer) -> Iterator[Callable[[str], dict[str, str]]]:
    """`fresh_database("ledger")`: the URLs by role of a new, migrated database; dropped when the module ends."""
    made: list[str] = []

    def make(context: str) -> dict[str, str]:
        name, urls = postgres_server.fresh_database(context)
        made.append(name)
        return {**urls, "admin": postgres_server.database_admin_url(name)}

    yield make
    for name in made:
        postgres_server.drop(name)
