"""`python -m ledger verify`: 0 for sound, 1 for broken (with the name of what is), 2 for could not."""

import asyncio
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Annotated, Final

import structlog
import typer

from chassis.database import Database, database_is_away
from chassis.settings import read_settings
from ledger.adapters.keys import state_keys
from ledger.adapters.verification_parts import make_verifier
from ledger.settings import LedgerSettings
from ledger.streams import silence
from ledger.use_cases.verify_chain import Outcome

# More of them only wait for PostgreSQL, which has a process for each.
PROCESSES_MAX: Final = 4
# Progress more often than this is for nobody's eyes.
PROGRESS_SECONDS: Final = 0.2


def main(arguments: list[str]) -> None:
    """The command by itself, without loading those beside it."""
    app = typer.Typer(add_completion=False)
    add_verify_command(app)
    app(arguments, prog_name="python -m ledger verify")


def add_verify_command(app: typer.Typer) -> None:
    @app.command("verify", help="Check chain and books; exits 1 and names what is broken, 2 when it could not look.")
    def verify(
        first: Annotated[int, typer.Option("--from", min=0, help="First block.")] = 0,
        last: Annotated[int | None, typer.Option("--to", min=0, help="Last block; the tip when left out.")] = None,
        checkpoint: Annotated[
            Path | None,
            typer.Option(exists=True, dir_okay=False, help="A checkpoint from outside: it tells a cut tail."),
        ] = None,
        *,
        lots: Annotated[
            bool,
            typer.Option("--lots", help="Work out anew which donation paid for what, as the nightly pass does."),
        ] = False,
    ) -> None:
        if sys.stderr is None:
            sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 -- open as long as the process
        settings = read_settings(LedgerSettings)
        if not settings.worker_database_url.get_secret_value():
            sys.stderr.write("IMPACTNET_LEDGER_WORKER_DATABASE_URL is not set: verify where the worker runs\n")
            raise typer.Exit(2)
        if lots and (first, last) != (0, None):
            sys.stderr.write("--lots follows all money from the first block on: leave out --from and --to\n")
            raise typer.Exit(2)
        # The answer alone goes to standard output.
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
        try:
            note = None if checkpoint is None else checkpoint.read_text(encoding="utf-8")
            outcome = asyncio.run(_verify(settings, first, None if last is None else last + 1, note, lots=lots))
        except UnicodeDecodeError as error:
            sys.stderr.write(f"{checkpoint}: not a checkpoint\n")
            raise typer.Exit(2) from error
        except Exception as error:
            if database_is_away(error):
                _say_aside(f"the database cannot be reached: {type(error).__name__}\n")
            else:
                # Left to Python, its exit status would say that something is broken.
                _say_aside(traceback.format_exc())
            raise typer.Exit(2) from error
        _report(outcome)


def _report(outcome: Outcome) -> None:
    if outcome.end <= outcome.start:
        _say_aside(f"no such blocks: the chain has {outcome.end}\n")
        raise typer.Exit(2)
    if outcome.ok:
        _tell(f"ok: blocks {outcome.start} to {outcome.end - 1}\n")
        return
    for finding in outcome.findings:
        where = "" if finding.block_index is None else f" at block {finding.block_index}"
        _tell(f"BROKEN{where}: {finding.failure}\n")
    raise typer.Exit(1)


def _tell(text: str) -> None:
    """The verdict; one that nobody can hear is none, and the exit status says so."""
    if sys.stdout is None:
        raise typer.Exit(2)
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        silence(sys.stdout)
        raise typer.Exit(2) from error


def _say_aside(text: str) -> None:
    """On standard error, if anybody listens."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        silence(sys.stderr)


async def _verify(settings: LedgerSettings, start: int, end: int | None, note: str | None, *, lots: bool) -> Outcome:
    database = Database(
        settings.worker_database_url.get_secret_value(),
        application_name="impactnet-ledger-verifier",
        statement_timeout_seconds=settings.database_statement_timeout_seconds,
    )
    if not state_keys(settings):
        _say_aside("without IMPACTNET_LEDGER_VERIFICATION_KEY, what was sealed before is not looked at\n")
    try:
        verifier = make_verifier(settings, database, note)
        progress = Progress(start, end if end is not None else await verifier.height())
        processes = min(os.cpu_count() or 1, PROCESSES_MAX)
        outcome = await verifier.verify(start=start, end=end, processes=processes, progress=progress.show, lots=lots)
        _say_aside("\n")
        await verifier.record(outcome, "command line")
    finally:
        await database.close()
    return outcome


class Progress:
    """Blocks done, blocks a second, and how long the rest will take."""

    def __init__(self, start: int, end: int) -> None:
        self._start = start
        self._end = end
        self._since = time.monotonic()
        self._shown = 0.0

    def show(self, done: int) -> None:
        now = time.monotonic()
        if now - self._shown < PROGRESS_SECONDS and done < self._end:
            return
        self._shown = now
        rate = (done - self._start) / max(now - self._since, 1e-9)
        rest = max(self._end - done, 0) / max(rate, 1e-9)
        _say_aside(f"\r{done} of {self._end} blocks, {rate:,.0f} a second, {rest:.0f} s left ")
