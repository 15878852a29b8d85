"""The servers of a test run in containers instead: `make test-docker`, for machines that have Docker."""

import asyncio
import secrets
from typing import Final

from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from local_stack.ports import free_ports
from local_stack.postgres import FAST, MAX_CONNECTIONS

POSTGRES_IMAGE: Final = "postgres:18"
KAFKA_IMAGE: Final = "apache/kafka:4.1.1"
KAFKA_PORT: Final = 9092
# A container on a busy machine starts within half a minute; the image may have to be pulled first.
STARTUP_SECONDS_MAX: Final = 180


class ContainerPostgres:
    """PostgreSQL in a container, with the promises of `local_stack.postgres.EmbeddedPostgres` that tests need."""

    def __init__(self) -> None:
        settings = {"max_connections": MAX_CONNECTIONS, **FAST}
        self._container = PostgresContainer(
            POSTGRES_IMAGE, username="postgres", password=secrets.token_hex(16), dbname="postgres", driver=None
        ).with_command(["postgres", *(part for name, value in settings.items() for part in ("-c", f"{name}={value}"))])

    async def start(self) -> None:
        await asyncio.to_thread(self._container.start)

    async def stop(self) -> None:
        await asyncio.to_thread(self._container.stop)

    @property
    def admin_url(self) -> str:
        return str(self._container.get_connection_url())


class ContainerKafka:
    """Apache Kafka (KRaft, one node) in a container."""

    def __init__(self) -> None:
        # The broker tells its clients where it is, so its address outside must be known before it starts.
        self._port = free_ports(1)[0]
        settings = {
            "KAFKA_NODE_ID": "1",
            "KAFKA_PROCESS_ROLES": "broker,controller",
            "KAFKA_LISTENERS": f"PLAINTEXT://:{KAFKA_PORT},CONTROLLER://:9093",
            "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{self._port}",
            "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
            "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
            "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        }
        self._container = DockerContainer(KAFKA_IMAGE).with_bind_ports(KAFKA_PORT, self._port).with_envs(**settings)
        self._container.waiting_for(
            LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(STARTUP_SECONDS_MAX)
        )

    async def start(self) -> None:
        await asyncio.to_thread(self._container.start)

    async def stop(self) -> None:
        await asyncio.to_thread(self._container.stop)

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self._port}"
