"""The command `impactnet-verify`: the verdict goes to standard output; exit 0, 1 (not verified) or 2 (unusable)."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

from impactnet_verify.audit import Findings, audit
from impactnet_verify.checkpoints import Checkpoint, open_checkpoint
from impactnet_verify.failures import NotVerifiedError, UnusableInputError
from impactnet_verify.lots import Lots
from impactnet_verify.policies import Policy, parse_policy
from impactnet_verify.proofs import ProvenBlock, verify_growth, verify_proof
from impactnet_verify.receipts import verify_receipt
from impactnet_verify.shapes import CURRENCIES

VERIFIED: Final = 0
NOT_VERIFIED: Final = 1
UNUSABLE: Final = 2
# Everything but a dump is read whole; no proof, note, policy or receipt comes near this.
FILE_BYTES_MAX: Final = 50_000_000
_PROGRESS_SECONDS: Final = 2.0  # what is done sooner needs no progress
_SECONDS_MAX: Final = 253_402_300_799  # the end of the year 9999, where calendars end


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verification; gives the exit code. argparse itself exits with 2 on wrong usage."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], list[str]] = options.command
    try:
        code, lines = _judge(command, options)
        _say(lines)
    except UnusableInputError as failure:
        _say_aside(f"impactnet-verify: {failure}\n")
        return UNUSABLE
    return code


def _judge(command: Callable[[argparse.Namespace], list[str]], options: argparse.Namespace) -> tuple[int, list[str]]:
    try:
        return VERIFIED, command(options)
    except NotVerifiedError as failure:
        return NOT_VERIFIED, [f"NOT VERIFIED: {failure}"]


def _say(lines: list[str]) -> None:
    """Raises UnusableInputError if nobody can be told: that is no verdict, and least of all a bad one."""
    if sys.stdout is None:
        raise UnusableInputError("standard output: it is closed")
    text = "".join(f"{line}\n" for line in lines)
    # What was given may hold letters that this terminal cannot show; that must not turn a verdict into a crash.
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except OSError as error:
        _silence(sys.stdout)
        raise UnusableInputError(f"standard output: {error.strerror or error}") from error


def _say_aside(text: str) -> None:
    """On standard error, if anybody listens; exit codes and verdicts do not depend on it."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        _silence(sys.stderr)


def _silence(stream: TextIO) -> None:
    """What it still holds goes nowhere: the interpreter would try again at its end, and exit with a code of its own."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="impactnet-verify",
        description="Checks what an ImpactNet ledger says, without a network and without trusting it.",
        epilog="Exit codes: 0 verified; 1 not verified, the first failure is named; 2 wrong usage or unreadable input.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command, files, explanation in (
        ("proof", _proof, ("FILE",), "a block is in the log (tlog-proof, or the API's JSON)"),
        ("consistency", _consistency, ("OLD", "NEW"), "the log of NEW begins with the log of OLD (signed checkpoints)"),
        ("audit", _audit, ("DUMP", "CHECKPOINT"), "every block of the log keeps every rule"),
        ("receipt", _receipt, ("FILE",), "a receipt (PDF) is undamaged and true"),
    ):
        subparser = commands.add_parser(name, help=explanation, description=f"Verifies that {explanation}.")
        for file in files:
            subparser.add_argument(file.lower(), metavar=file, type=Path)
        if name == "audit":
            subparser.add_argument("--payment", metavar="ID", help="also say which donations paid this disbursement")
        if name == "consistency":
            subparser.add_argument(
                "--proof",
                required=True,
                type=Path,
                metavar="FILE",
                help="hashes in base64, one a line, or the API's JSON",
            )
        subparser.add_argument(
            "--policy", required=True, type=Path, metavar="P", help="whom you trust: a C2SP tlog-policy"
        )
        subparser.set_defaults(command=command)
    return parser


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise UnusableInputError(f"{path}: {error.strerror or error}") from error
    if len(content) > FILE_BYTES_MAX:
        raise UnusableInputError(f"{path}: more than {FILE_BYTES_MAX} bytes")
    return content


def _policy(options: argparse.Namespace) -> Policy:
    try:
        return parse_policy(_read(options.policy))
    except UnusableInputError as failure:
        raise UnusableInputError(f"{options.policy}: {str(failure).removeprefix(f'{options.policy}: ')}") from failure


def _proof(options: argparse.Namespace) -> list[str]:
    policy = _policy(options)
    return ["VERIFIED", *_shown_block(verify_proof(_read(options.file), policy))]


def _receipt(options: argparse.Namespace) -> list[str]:
    policy = _policy(options)
    receipt = verify_receipt(_read(options.file), policy)
    return [
        f"VERIFIED: receipt {receipt.number}; compare what it shows with what is proven:",
        *_shown_block(receipt.proven),
    ]


def _consistency(options: argparse.Namespace) -> list[str]:
    policy = _policy(options)
    old, new = verify_growth(_read(options.old), _read(options.new), _read(options.proof), policy)
    return [f"VERIFIED: the {new.size} blocks begin with the {old.size}", *_shown_checkpoint(new)]


def _audit(options: argparse.Namespace) -> list[str]:
    policy = _policy(options)
    checkpoint_note = _read(options.checkpoint)
    try:
        with options.dump.open("rb") as dump:
            if not dump.seekable():
                raise UnusableInputError(f"{options.dump}: cannot be read twice; store it in a file first")
            checkpoint = open_checkpoint(checkpoint_note, policy)
            findings = audit(dump, checkpoint, _progress(checkpoint.size))
    except OSError as error:
        raise UnusableInputError(f"{options.dump}: {error.strerror or error}") from error
    shown = [f"VERIFIED: {findings.blocks} blocks", *_shown_findings(findings), *_shown_checkpoint(checkpoint)]
    return shown if options.payment is None else [*shown, *_shown_sources(findings.lots, options.payment)]


def _progress(total: int) -> Callable[[int], None]:
    """Speaks on standard error every two seconds."""
    began = spoken = time.monotonic()

    def listen(blocks: int) -> None:
        nonlocal spoken
        now = time.monotonic()
        if now - spoken < _PROGRESS_SECONDS:
            return
        spoken = now
        _say_aside(f"{blocks} of {total} blocks, {blocks / (now - began):.0f} a second\n")

    return listen


def _shown_block(proven: ProvenBlock) -> list[str]:
    block, data = proven.read.block, proven.read.data
    shown = {
        "block": f"{block.block_index} ({block.transaction_type})",
        "hash": proven.hash,
        "time": block.timestamp,
        "transaction": block.transaction_id,
    }
    if block.movement is not None:
        shown["amount"] = f"{data['amount']} {data['currency']}"
        shown["from"], shown["to"] = block.movement.source, block.movement.target
    lines = [f"  {name:<12}{value}" for name, value in shown.items()]
    return lines + _shown_checkpoint(proven.checkpoint)


def _shown_checkpoint(checkpoint: Checkpoint) -> list[str]:
    lines = [f"  {'log':<12}{checkpoint.origin}, checkpoint of {checkpoint.size} blocks"]
    for name, seconds in sorted(checkpoint.witnesses.items()):
        lines.append(f"  {'witness':<12}{name}, at {_moment(seconds)}")
    if checkpoint.ignored_lines:
        lines.append(
            f"  {'ignored':<12}{checkpoint.ignored_lines} signature line(s) by keys that the policy does not name"
        )
    return lines


def _moment(seconds: int) -> str:
    return (
        f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}" if seconds <= _SECONDS_MAX else f"second {seconds}"
    )


def _shown_findings(findings: Findings) -> list[str]:
    types = ", ".join(f"{count} {name}" for name, count in sorted(findings.by_type.items()))
    lines = [f"  {'types':<12}{types}"]
    for currency, digits in CURRENCIES.items():
        balances = findings.books.balances[currency]
        sums = {
            "received": -sum(change for account, change in balances.items() if account.startswith("external:")),
            "paid out": sum(change for account, change in balances.items() if account.startswith("beneficiary:")),
            "with programs": sum(change for account, change in balances.items() if account.startswith("program:")),
            "under way": balances.get("bank:clearing", 0),
        }
        shown = ", ".join(f"{name} {_decimal(amount, digits)}" for name, amount in sums.items())
        lines.append(f"  {currency:<12}{shown}; {findings.books.payments_under_way} payment(s) under way")
    return [*lines, *_shown_lots(findings.lots)]


def _shown_lots(lots: Lots) -> list[str]:
    """How far it is shown that each payment came out of the donations that it had to come from."""
    lines = [f"  {'lots':<12}replayed; {lots.open_donations} donation(s) with money left"]
    return lines + [
        f"  {'not replayed':<12} lots of program {program}, {reason}"
        for program, reason in sorted(lots.not_replayed.items())
    ]


def _shown_sources(lots: Lots, payment: str) -> list[str]:
    """Raises NotVerifiedError for a payment that the blocks do not lead to donations."""
    sources = lots.sources_of(payment)
    if not sources:
        raise NotVerifiedError(f"payment {payment}: no disbursement in these blocks that has lots, or it came back")
    return [
        f"  {'paid by':<12}donation {donation}: {_decimal(amount, CURRENCIES[currency])} {currency}"
        for donation, amount, currency in sources
    ]


def _decimal(amount: int, digits: int) -> str:
    whole, fraction = divmod(abs(amount), 10**digits)
    return f"{'-' if amount < 0 else ''}{whole}.{fraction:0{digits}d}"
