"""`python -m ledger receipts`: look at the whole series and at every document, and put back what is damaged."""

import asyncio
import sys
from collections.abc import Callable
from typing import Annotated

import structlog
import typer

from chassis.clock import SystemClock
from chassis.database import database_is_away
from chassis.personal_data import Vault
from chassis.processes import open_database
from chassis.service import Foundation
from ledger.adapters.receipt_parts import ReceiptParts
from ledger.settings import LedgerSettings
from ledger.use_cases.check_receipts import Findings


def receipt_commands(settings: Callable[[], LedgerSettings]) -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, help="The receipts: their series without gaps, and their documents.")

    @app.callback()
    def about() -> None:
        """Keeps `check` a command of its own, where there is no other beside it."""

    @app.command("check", help="No number left out, every document as issued; 1 names what is not, 2 could not look.")
    def check(
        *,
        mend: Annotated[
            bool, typer.Option("--mend", help="Print what is missing or altered again, and keep it.")
        ] = False,
    ) -> None:
        # The answer alone goes to standard output.
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
        try:
            findings = asyncio.run(_check(settings(), mend=mend))
        except Exception as error:
            if not database_is_away(error):
                raise
            sys.stderr.write(f"the database cannot be reached: {type(error).__name__}\n")
            raise typer.Exit(2) from error
        for problem in findings.problems:
            sys.stdout.write(f"{problem}\n")
        mended = f", {findings.mended} of them put back" if findings.mended else ""
        sys.stdout.write(f"{'ok' if findings.ok else 'BROKEN'}: {findings.checked} receipts looked at{mended}\n")
        if not findings.ok:
            raise typer.Exit(1)

    return app


async def _check(settings: LedgerSettings, *, mend: bool) -> Findings:
    database = open_database(settings, "worker")
    parts = ReceiptParts(Foundation(settings, database, SystemClock(), Vault(settings.master_key)))
    try:
        async with parts.storage:
            return await parts.check(mend=mend)
    finally:
        await database.close()
