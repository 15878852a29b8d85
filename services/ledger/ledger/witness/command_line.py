"""`python -m ledger witness`: run one, make its key, compare two checkpoints. Imports only what the command needs."""

import argparse
import base64
import binascii
import os
import sqlite3
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from ledger.domain.cosignatures import WitnessSigningKey
from ledger.domain.equivocation import Comparison, View, compare
from ledger.domain.refusals import BadNoteError, RefusalError
from ledger.domain.witness_policy import parse_policy
from ledger.streams import silence

PORT: Final = 8107
ENVIRONMENT: Final = """environment (an option is stronger):
  IMPACTNET_WITNESS_KEY     the signing key, PRIVATE+KEY+...
  IMPACTNET_WITNESS_KEY_FILE, _LOGS, _STATE, _HOST, _PORT   as the options of these names"""


def main(arguments: Sequence[str]) -> int:
    """The exit status: 0, 1 (two histories), 2 (cannot say, or badly configured)."""
    commands: dict[str, Callable[[Sequence[str]], int]] = {"run": _run, "keygen": _keygen, "compare": _compare}
    name, rest = ("run", arguments) if not arguments or arguments[0] not in commands else (arguments[0], arguments[1:])
    try:
        return commands[name](rest)
    except (RefusalError, OSError, sqlite3.Error, UnicodeDecodeError) as error:
        if sys.stderr is not None:
            sys.stderr.write(f"witness: {error}\n")
        return 2


def _run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        "ledger witness",
        description="Runs a witness (c2sp.org/tlog-witness). Other commands: keygen, compare (each with --help).",
        epilog=ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def option(name: str, default: str | None, text: str) -> None:
        variable = f"IMPACTNET_WITNESS_{name.upper().replace('-', '_')}"
        parser.add_argument(f"--{name}", default=os.environ.get(variable, default), help=text)

    option("key-file", None, "file with the signing key; `keygen` makes one")
    option("logs", None, "the logs to watch: a tlog-policy file, or a log list (logs/v0)")
    option("state", None, "SQLite file of what was cosigned; never restore an old copy of it")
    option("host", "127.0.0.1", "address to listen on")
    option("port", str(PORT), "port to listen on")
    given = parser.parse_args(arguments)
    key = os.environ.get("IMPACTNET_WITNESS_KEY")
    if given.key_file is not None:
        key = Path(given.key_file).read_text(encoding="utf-8").strip()
    for name, value in (("key-file", key), ("logs", given.logs), ("state", given.state)):
        if not value:
            parser.error(f"--{name} is needed")
    if not given.port.isdecimal() or not 0 < int(given.port) < 1 << 16:
        parser.error(f"--port is {given.port!r}, which is no port")
    from ledger.witness.process import Configuration, run  # noqa: PLC0415 -- the server is for this command only

    run(Configuration(str(key), Path(given.logs), Path(given.state), given.host, int(given.port)))
    return 0


def _keygen(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("ledger witness keygen", description="Makes a witness's key.")
    parser.add_argument("name", help="who the witness is, as a URL without scheme: witness.example.org/w1")
    parser.add_argument("--out", help="new file for the signing key, readable by its owner alone; stdout without it")
    given = parser.parse_args(arguments)
    key = WitnessSigningKey.generate(given.name)
    if given.out is None:
        sys.stdout.write(f"IMPACTNET_WITNESS_KEY={key.text}\n")
    else:
        # Exclusively: a key that is overwritten is lost.
        descriptor = os.open(given.out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"{key.text}\n")
    sys.stdout.write(f"witness {given.name} {key.verifier.vkey} https://{given.name}\n")
    return 0


def _compare(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        "ledger witness compare",
        description="Compares two checkpoints of a log. Exits 1 when they tell two histories, naming who signed which.",
    )
    parser.add_argument("first", type=Path, help="file with a signed checkpoint")
    parser.add_argument("second", type=Path, help="file with another one")
    parser.add_argument(
        "--policy", type=Path, required=True, help="tlog-policy file with the log's and witnesses' keys"
    )
    parser.add_argument("--proof", type=Path, help="consistency proof between two sizes: hashes in base64, one a line")
    given = parser.parse_args(arguments)
    notes = [path.read_text(encoding="utf-8") for path in (given.first, given.second)]
    proof = None if given.proof is None else _read_proof(given.proof)
    found = compare(notes[0], notes[1], parse_policy(given.policy.read_bytes()), proof)
    _tell(_words(found))
    return {"same": 0, "consistent": 0, "inconsistent": 1, "equivocation": 1, "unproven": 2}[found.verdict]


def _tell(text: str) -> None:
    """Raises OSError when nobody can hear it: the exit status must not say it alone."""
    if sys.stdout is None:
        raise OSError("standard output is closed")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError:
        silence(sys.stdout)
        raise


def _read_proof(path: Path) -> list[bytes]:
    try:
        return [base64.b64decode(line, validate=True) for line in path.read_text(encoding="ascii").split()]
    except (binascii.Error, UnicodeDecodeError) as error:
        raise BadNoteError(f"{path} is not a proof: {error}") from error


def _words(found: Comparison) -> str:
    old, new = found.older.checkpoint, found.newer.checkpoint
    titles = {
        "same": f"SAME: one view of {new.origin} at size {new.size}",
        "consistent": f"CONSISTENT: {new.origin} of {old.size} continued to {new.size}",
        "unproven": f"UNPROVEN: sizes {old.size} and {new.size} of {new.origin} need a consistency proof (--proof)",
        "inconsistent": f"INCONSISTENT: this proof does not lead from {old.size} to {new.size} of {new.origin}",
        "equivocation": f"EQUIVOCATION: {new.origin} has signed two histories of size {new.size}",
    }
    lines = [titles[found.verdict], _view_words(found.older), _view_words(found.newer)]
    if found.verdict == "equivocation" and found.signed_both:
        lines.append(f"  {', '.join(found.signed_both)} cosigned both, and cannot be believed either")
    return "".join(f"{line}\n" for line in lines)


def _view_words(view: View) -> str:
    who = ", ".join(view.witnesses) or "no witness of the policy"
    return f"  size {view.checkpoint.size}, root {view.checkpoint.root.hex()}: cosigned by {who}"
