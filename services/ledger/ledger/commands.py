"""The ledger's own commands: signer, keys, verify."""

import asyncio
import sys

import typer

from chassis.command_line import load_settings
from chassis.logs import configure_logs
from ledger.adapters.keys import verifier_keys
from ledger.bootstrap import SERVICE
from ledger.domain.notes import SigningKey
from ledger.domain.witness_policy import BadPolicyError
from ledger.dump_command import add_dump_command
from ledger.receipt_commands import receipt_commands
from ledger.reconcile_commands import reconcile_commands
from ledger.settings import LedgerSettings
from ledger.signer import run_signer
from ledger.verify_command import add_verify_command
from ledger.witness.command_line import main as run_witness


def _settings() -> LedgerSettings:
    settings = load_settings(SERVICE)
    if not isinstance(settings, LedgerSettings):
        raise TypeError("these are not the ledger's settings")
    return settings


def add_commands(app: typer.Typer) -> None:
    app.add_typer(_key_commands(), name="keys")
    app.add_typer(reconcile_commands(_settings), name="reconcile")
    app.add_typer(receipt_commands(_settings), name="receipts")

    @app.command("signer", help="Sign checkpoints while the log grows, as a process and role of its own.")
    def signer() -> None:
        settings = _settings()
        configure_logs(settings)
        try:
            asyncio.run(run_signer(settings))
        except BadPolicyError as error:
            sys.stderr.write(f"ledger: IMPACTNET_LEDGER_WITNESS_POLICY: {error.detail}\n")
            raise typer.Exit(2) from error

    @app.command(
        "witness",
        help="Be a witness of logs: run, keygen, compare (`witness --help`). Needs no database and no broker.",
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    )
    def witness(context: typer.Context) -> None:
        raise typer.Exit(run_witness(context.args))

    add_verify_command(app)
    add_dump_command(app)


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
