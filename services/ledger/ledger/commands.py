"""The ledger's own commands: signer, keys, verify."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from chassis.command_line import load_settings
from chassis.logs import configure_logs
from chassis.processes import open_database
from ledger.adapters.keys import verifier_keys
from ledger.adapters.verification_log import ChainVerifier
from ledger.bootstrap import SERVICE
from ledger.domain.notes import SigningKey
from ledger.settings import LedgerSettings
from ledger.signer import run_signer
from ledger.use_cases.verify_chain import Outcome, Trust


def _settings() -> LedgerSettings:
    settings = load_settings(SERVICE)
    if not isinstance(settings, LedgerSettings):
        raise TypeError("these are not the ledger's settings")
    return settings


def add_commands(app: typer.Typer) -> None:
    app.add_typer(_key_commands(), name="keys")

    @app.command("signer", help="Sign checkpoints while the log grows, as a process and role of its own.")
    def signer() -> None:
        settings = _settings()
        configure_logs(settings)
        asyncio.run(run_signer(settings))

    @app.command("verify", help="Check the chain; exits 1 and names the first broken block.")
    def verify(
        first: Annotated[int, typer.Option("--from", min=0, help="First block.")] = 0,
        last: Annotated[int | None, typer.Option("--to", min=0, help="Last block; the tip when left out.")] = None,
        checkpoint: Annotated[
            Path | None, typer.Option(exists=True, help="A checkpoint from outside: it tells a cut tail.")
        ] = None,
    ) -> None:
        note = None if checkpoint is None else checkpoint.read_text(encoding="utf-8")
        outcome = asyncio.run(_verify(_settings(), first, None if last is None else last + 1, note))
        if not outcome.ok:
            where = "the chain" if outcome.broken_index is None else f"block {outcome.broken_index}"
            sys.stdout.write(f"BROKEN at {where}: {outcome.failure}\n")
            raise typer.Exit(1)
        sys.stdout.write(f"ok: blocks {outcome.start} to {outcome.end - 1}\n")


async def _verify(settings: LedgerSettings, start: int, end: int | None, note: str | None) -> Outcome:
    database = open_database(settings, "worker")
    trust = Trust(tuple(verifier_keys(settings)), settings.origin, note)

    def show(done: int) -> None:
        sys.stderr.write(f"\r{done} blocks")
        sys.stderr.flush()

    try:
        verifier = ChainVerifier(database, trust)
        outcome = await verifier.verify(start=start, end=end, progress=show)
        sys.stderr.write("\n")
        await verifier.record(outcome, "command line")
    finally:
        await database.close()
    return outcome


def _key_commands() -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, help="The keys that sign this log's checkpoints.")

    @app.command("generate", help="Print a new signing key, to be kept secret, and its verifier key.")
    def generate() -> None:
        _print_key(SigningKey.generate(_settings().origin), [])

    @app.command("rotate", help="Print a new signing key, and the verifier keys to publish from now on.")
    def rotate() -> None:
        settings = _settings()
        known = [key.vkey for key in verifier_keys(settings)] if settings.verifier_keys else []
        _print_key(SigningKey.generate(settings.origin), known)

    @app.command("show", help="The verifier keys as published.")
    def show() -> None:
        for key in verifier_keys(_settings()):
            sys.stdout.write(f"{key.vkey}\n")

    return app


def _print_key(key: SigningKey, known: list[str]) -> None:
    """As environment lines; the old verifier keys stay, for what they signed stays signed."""
    published = ",".join([key.verifier.vkey, *known])
    sys.stdout.write(f"IMPACTNET_LEDGER_SIGNING_KEY={key.text}\nIMPACTNET_LEDGER_VERIFIER_KEYS={published}\n")
