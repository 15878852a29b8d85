"""The command line every service shares: api, worker, serve, migrate, replay, dlq, settings."""

import asyncio
import sys
from datetime import datetime
from typing import Annotated, Any

import orjson
import typer
import uvloop
from alembic.util import CommandError
from pydantic import SecretStr
from sqlalchemy import func, select, update

from chassis.dead_letters import DeadLetterBox
from chassis.migrations import check_migrations, migrate
from chassis.outbox import WAKE_CHANNEL
from chassis.processes import built, open_database, run_service
from chassis.service import Service
from chassis.settings import ServiceSettings, read_settings
from chassis.tables import outbox

MigrateFlag = Annotated[bool, typer.Option("--migrate", help="Apply migrations first.")]


def load_settings(service: Service) -> ServiceSettings:
    """Settings from the environment; names what is wrong and exits with 2, without showing a value."""
    return read_settings(service.settings)


def build_command_line(service: Service) -> typer.Typer:
    """The commands of `python -m <context>`."""
    app = typer.Typer(no_args_is_help=True, add_completion=False, help=f"ImpactNet {service.context}.")
    _add_processes(app, service)
    _add_settings(app, service)
    _add_replay(app, service)
    app.add_typer(_dead_letter_commands(service), name="dlq")
    for add_commands in service.commands:
        add_commands(app)
    return app


def _add_processes(app: typer.Typer, service: Service) -> None:
    def run(*, api: bool, worker: bool, migrate_first: bool) -> None:
        settings = load_settings(service)
        if migrate_first:
            migrate(settings)
        uvloop.run(run_service(service, settings, api=api, worker=worker))

    @app.command("api", help="Serve HTTP.")
    def api(migrate_first: MigrateFlag = False) -> None:  # noqa: FBT002 -- a command line flag
        run(api=True, worker=False, migrate_first=migrate_first)

    @app.command("worker", help="Relay, consume, keep time.")
    def worker(migrate_first: MigrateFlag = False) -> None:  # noqa: FBT002 -- a command line flag
        run(api=False, worker=True, migrate_first=migrate_first)

    @app.command("serve", help="Both in one process, for a small machine.")
    def serve(migrate_first: MigrateFlag = False) -> None:  # noqa: FBT002 -- a command line flag
        run(api=True, worker=True, migrate_first=migrate_first)

    @app.command("migrate", help="Bring the schema up to this version.")
    def migrate_command(
        check: Annotated[bool, typer.Option("--check", help="Only compare tables in code with migrations.")] = False,  # noqa: FBT002 -- a command line flag
    ) -> None:
        settings = load_settings(service)
        if not check:
            migrate(settings)
            return
        try:
            check_migrations(settings)
        except CommandError as error:
            sys.stderr.write(f"{service.context}: {error}\n")
            raise typer.Exit(1) from error


def _add_settings(app: typer.Typer, service: Service) -> None:
    @app.command("settings", help="Every setting, its value (secrets hidden) and what it is for.")
    def settings_command() -> None:
        settings = load_settings(service)
        for name, field in sorted(type(settings).model_fields.items()):
            value: Any = getattr(settings, name)
            if isinstance(value, SecretStr):
                value = "(set)" if name in settings.model_fields_set else "(not set)"
            note = f"  # {field.description}" if field.description else ""
            sys.stdout.write(f"IMPACTNET_{service.context.upper()}_{name.upper()}={value}{note}\n")


def _add_replay(app: typer.Typer, service: Service) -> None:
    @app.command("replay", help="Publish again what was published before, for a broker that lost it.")
    def replay(
        since: Annotated[datetime | None, typer.Option(help="Events made since then (UTC).")] = None,
        snapshot: Annotated[bool, typer.Option("--snapshot", help="The present state of every aggregate.")] = False,  # noqa: FBT002 -- a command line flag
    ) -> None:
        settings = load_settings(service)
        if snapshot:
            count = asyncio.run(_replay_snapshot(service, settings))
        elif since is not None:
            count = asyncio.run(_replay_since(settings, since))
        else:
            sys.stderr.write("say --since or --snapshot\n")
            raise typer.Exit(2)
        sys.stdout.write(f"{count} events go out again with the relay\n")


async def _replay_since(settings: ServiceSettings, since: datetime) -> int:
    database = open_database(settings, "worker")
    try:
        async with database.unit_of_work() as work:
            result = await work.connection.execute(
                update(outbox)
                .where(outbox.c.created_at >= since, outbox.c.published_at.is_not(None))
                .values(published_at=None)
            )
            await work.connection.execute(select(func.pg_notify(func.current_schema() + f"_{WAKE_CHANNEL}", "")))
    finally:
        await database.close()
    return int(result.rowcount)


async def _replay_snapshot(service: Service, settings: ServiceSettings) -> int:
    if service.snapshot is None:
        sys.stderr.write(f"{service.context} has no aggregates that others keep a read model of\n")
        raise typer.Exit(2)
    async with built(service, settings, "worker") as (foundation, _):
        return int(await service.snapshot(foundation))


def _dead_letter_commands(service: Service) -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, help="Events this service gave up on.")

    async def letters(settings: ServiceSettings) -> list[Any]:
        return [letter async for letter in DeadLetterBox(settings, service.context).letters()]

    @app.command("list", help="One line each: reference, type, attempts, the error's last line.")
    def list_command() -> None:
        found = asyncio.run(letters(load_settings(service)))
        for letter in found:
            event = letter.event()
            kind = event.type if event else "undecodable"
            last = str(letter.body["error"]).strip().rsplit("\n", 1)[-1]
            sys.stdout.write(f"{letter.reference}\t{kind}\t{letter.body['attempts']} attempts\t{last}\n")
        sys.stdout.write(f"{len(found)} dead letters\n")

    @app.command("show", help="One letter whole, by its reference.")
    def show_command(reference: str) -> None:
        for letter in asyncio.run(letters(load_settings(service))):
            if letter.reference == reference:
                sys.stdout.write(orjson.dumps(letter.body, option=orjson.OPT_INDENT_2).decode() + "\n")
                return
        sys.stderr.write(f"no dead letter {reference}\n")
        raise typer.Exit(1)

    @app.command("redrive", help="Hand all of them back to the consumer.")
    def redrive_command() -> None:
        settings = load_settings(service)

        async def redrive() -> tuple[int, int]:
            database = open_database(settings, "worker")
            try:
                return await DeadLetterBox(settings, service.context).redrive(database)
            finally:
                await database.close()

        done, left = asyncio.run(redrive())
        sys.stdout.write(f"{done} redriven, {left} undecodable left out\n")

    return app
