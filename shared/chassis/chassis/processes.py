"""The processes of a service: api, worker, or both in one; started, drained on SIGTERM, gone within 25 s."""

import asyncio
import contextlib
import gc
import os
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, Final

import structlog
import uvicorn
from fastapi import FastAPI

from chassis.api.app import build_app
from chassis.api.health import Health, health_router
from chassis.clock import SystemClock
from chassis.consumer import ConsumerRunner
from chassis.database import Database
from chassis.housekeeping import housekeeping_timers
from chassis.logs import configure_logs
from chassis.personal_data import Vault
from chassis.relay import Relay
from chassis.schema import Schema
from chassis.service import Foundation, Parts, Service
from chassis.settings import ServiceSettings
from chassis.standing import subscribe_to_standing
from chassis.tracing import start_tracing
from contracts.topics import dead_letter_topic_of, topic_of

log = structlog.get_logger(__name__)

# 06-security: exit within 25 s of SIGTERM; requests get 15 of them, the rest is for consumers and pools.
DRAIN_SECONDS_MAX: Final = 15
# What has not ended by then will not, whatever it waits for: a database that says nothing any more has been given up
# long before (`connecting.PARTING_SECONDS_MAX`). Its transactions end with their connections, as after a kill.
EXIT_SECONDS_MAX: Final = 23
# 09-values "slow clients": an idle keep-alive connection is closed a little after nginx's own 60 s.
KEEP_ALIVE_SECONDS: Final = 65
# 431 above this: eight times the longest access token.
HEADER_BYTES_MAX: Final = 32 * 1024
# A batch of events makes tens of thousands of objects that live until its commit: looked at every 700, as Python has it
# by default, they were walked over dozens of times in vain, which took a fifth of a worker's time. Cycles are few; what
# waits for the collector meanwhile is some megabytes.
COLLECTOR_THRESHOLDS: Final = (50_000, 20, 100)


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling: the process stops its parts in its own order."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _server(app: Any, host: str, port: int) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            loop="uvloop",
            http="httptools",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS_MAX,
        )
    )


def open_database(settings: ServiceSettings, process: str) -> Database:
    """A pool as the role of `process` (`api` or `worker`)."""
    url = settings.database_url if process == "api" else settings.worker_database_url
    return Database(
        url.get_secret_value(),
        application_name=f"impactnet-{settings.CONTEXT}-{process}",
        pool_size=settings.database_pool_size,
        pool_overflow=settings.database_pool_overflow,
        statement_timeout_seconds=settings.database_statement_timeout_seconds,
    )


@asynccontextmanager
async def built(service: Service, settings: ServiceSettings, process: str) -> AsyncIterator[tuple[Foundation, Parts]]:
    """A service's parts with their resources open."""
    database = open_database(settings, process)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        foundation = Foundation(settings, database, SystemClock(), Vault(settings.master_key))
        parts = service.build(foundation)
        for resource in parts.resources:
            await stack.enter_async_context(resource)
        yield foundation, parts


async def run_service(service: Service, settings: ServiceSettings, *, api: bool, worker: bool) -> None:
    """Run until SIGTERM or SIGINT."""
    configure_logs(settings)
    start_tracing(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    health = Health()
    async with AsyncExitStack() as stack:
        background: list[asyncio.Task[Any]] = []
        server = None
        if worker:
            foundation, parts = await stack.enter_async_context(built(service, settings, "worker"))
            background += _start_worker(service, settings, foundation, parts, health)
        if api:
            foundation, parts = await stack.enter_async_context(built(service, settings, "api"))
            health.needs["database"] = foundation.database.is_reachable
            health.needs["migrations"] = Schema(foundation.database, service.metadata).is_there
            app = build_app(
                settings,
                foundation.database,
                version=service.version,
                description=service.description,
                routers=parts.routers,
                problems=parts.problems,
                wiring=parts.wiring,
                health=health,
            )
            server = _server(app, settings.host, settings.port)
        else:
            app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
            app.include_router(health_router(health))
            server = _server(app, settings.host, settings.worker_port)
        # What was loaded stays: the collector need not go through it again with every full pass.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECTOR_THRESHOLDS)
        await _run_until_stopped(server, background, stop, health)


def _start_worker(
    service: Service, settings: ServiceSettings, foundation: Foundation, parts: Parts, health: Health
) -> list[asyncio.Task[Any]]:
    subscribe_to_standing(parts.subscriptions)
    runner = ConsumerRunner(settings, foundation.database, parts.subscriptions)
    relay = Relay(settings, foundation.database, [topic_of(service.context), dead_letter_topic_of(service.context)])

    schema = Schema(foundation.database, service.metadata)
    health.needs["database"] = foundation.database.is_reachable
    health.needs["migrations"] = schema.is_there
    health.likes["kafka"] = runner.reaches_broker
    timers = [*parts.timers, *housekeeping_timers(service.context, foundation.database)]

    migrated = asyncio.create_task(schema.wait(), name="migrations")

    async def once_migrated(run: Callable[[], Awaitable[None]]) -> None:
        await migrated
        await run()

    running = {"consumer": runner.run, "relay": relay.run, **{timer.name: timer.run_forever for timer in timers}}
    return [asyncio.create_task(once_migrated(run), name=name) for name, run in running.items()]


def _end_by_force(parts: Sequence[asyncio.Task[Any]]) -> None:
    unfinished = sorted(part.get_name() for part in parts if not part.done())
    log.error("stopped_by_force", after_seconds=EXIT_SECONDS_MAX, unfinished=unfinished)
    os._exit(1)


async def _run_until_stopped(
    server: _Server, background: list[asyncio.Task[Any]], stop: asyncio.Event, health: Health
) -> None:
    serving = asyncio.create_task(server.serve(), name="http")
    stopped = asyncio.create_task(stop.wait(), name="stop")
    done, _ = await asyncio.wait([serving, stopped, *background], return_when=asyncio.FIRST_COMPLETED)
    health.draining = True
    # A thread of its own, and never called off: it also ends what the loop waits for once all of this is done.
    last_resort = threading.Timer(EXIT_SECONDS_MAX, _end_by_force, [[serving, *background]])
    last_resort.daemon = True
    last_resort.start()
    server.should_exit = True
    for task in background:
        task.cancel()
    # Each part ends its own way: the server answers what it has, consumers commit, the relay gives its lease back.
    results = await asyncio.gather(serving, *background, return_exceptions=True)
    stopped.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await stopped
    faults = [result for result in results if isinstance(result, Exception)]
    if faults:
        raise ExceptionGroup("a part of the process failed", faults)
    if stopped not in done:
        ended = ", ".join(task.get_name() for task in done)
        raise RuntimeError(f"ended without being asked to: {ended}")
    log.info("stopped")
