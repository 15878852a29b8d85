"""`python -m ledger dump`: the chain as a file, for `impactnet-verify audit`; the same bytes as the public export."""

import asyncio
import sys
from typing import Annotated

import structlog
import typer

from chassis.command_line import load_settings
from chassis.database import database_is_away
from chassis.processes import open_database
from ledger.adapters.export_reading import ExportReader
from ledger.bootstrap import SERVICE
from ledger.settings import LedgerSettings
from ledger.use_cases.export_chain import export_preimages
from ledger.use_cases.reading_ports import ChainGapError


def add_dump_command(app: typer.Typer) -> None:
    @app.command("dump", help="Write the first blocks' exact bytes to standard output, a line each; exits 1 at a gap.")
    def dump(
        height: Annotated[int | None, typer.Option(min=1, help="How many; all when left out.")] = None,
    ) -> None:
        settings = load_settings(SERVICE)
        # The blocks alone go to standard output.
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
        if not isinstance(settings, LedgerSettings):
            raise TypeError("these are not the ledger's settings")
        try:
            asyncio.run(_dump(settings, height))
        except ChainGapError as error:
            sys.stderr.write(f"the dump is not complete: {error}\n")
            raise typer.Exit(1) from error
        except Exception as error:
            if not database_is_away(error):
                raise
            sys.stderr.write(f"the database cannot be reached: {type(error).__name__}\n")
            raise typer.Exit(2) from error


async def _dump(settings: LedgerSettings, height: int | None) -> None:
    database = open_database(settings, "api")
    try:
        source = ExportReader(database)
        tip = await source.height()
        if height is not None and height > tip:
            sys.stderr.write(f"the chain has {tip} blocks\n")
            raise typer.Exit(2)
        async for piece in export_preimages(source, height or tip):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
    finally:
        await database.close()
