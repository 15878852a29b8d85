"""The command as a stranger runs it: exit codes, words, and nothing else on the machine touched."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from shared.verify.tests.logs import LOG, POLICY, STRANGER, Log, commitment, donation, story
from shared.verify.tests.receipt_files import receipt_of

STORY = story()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {
        "policy": POLICY.encode(),
        "strangers-policy": f"log {STRANGER.vkey}\nquorum none\n".encode(),
        "bad-policy": b"log\n",
        "proof": STORY.proof(9),
        "proof.json": STORY.json_proof(9),
        "old": STORY.checkpoint(11),
        "new": STORY.checkpoint(),
        "growth": STORY.growth(11),
        "dump": STORY.dump(),
        "receipt.pdf": receipt_of(STORY, 9),
        "uncosigned": STORY.checkpoint(signers=(LOG,)),
        "empty": b"",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "impactnet_verify", *arguments],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )


GOOD = {
    "a proof": (
        "proof proof --policy policy",
        "VERIFIED\n",
        "pay-1:completed",
        "200.00 NGN",
        "witness.example/w1, at 20",
    ),
    "a JSON proof": ("proof proof.json --policy policy", "VERIFIED\n", "9 (disbursement)"),
    "growth": ("consistency old new --proof growth --policy policy", "VERIFIED: the 17 blocks begin with the 11"),
    "no growth": ("consistency new new --proof empty --policy policy", "VERIFIED: the 17 blocks begin with the 17"),
    "a dump": ("audit dump new --policy policy", "VERIFIED: 17 blocks", "received 900.01", "4 disbursement"),
    "a receipt": ("receipt receipt.pdf --policy policy", "VERIFIED: receipt 7", "200.00 NGN"),
}


@pytest.mark.parametrize("name", GOOD)
def test_exit_0_and_what_is_proven_for(name, folder):
    arguments, *words = GOOD[name]
    result = run(folder, *arguments.split())
    assert (result.returncode, result.stderr) == (0, "")
    for word in words:
        assert word in result.stdout


BAD = {
    "a proof under another's policy": (
        "proof proof --policy strangers-policy",
        "checkpoint: note: no signature by a known",
    ),
    "a proof that is none": ("proof dump --policy policy", "proof: "),
    "an empty proof": ("proof empty --policy policy", "proof: no empty line before the checkpoint"),
    "a dump for a proof": ("consistency old new --proof dump --policy policy", "proof: "),
    "growth backwards": (
        "consistency new old --proof growth --policy policy",
        "consistency: from 17 to 11 is no growth",
    ),
    "growth without proof": ("consistency old new --proof empty --policy policy", "consistency: the proof is empty"),
    "a dump of another length": (
        "audit dump old --policy policy",
        "block 11: the dump goes on beyond the checkpoint's 11",
    ),
    "an empty dump": ("audit empty new --policy policy", "block 0: missing"),
    "too few witnesses": ("audit dump uncosigned --policy policy", "checkpoint: too few cosignatures: the quorum w1"),
    "a checkpoint that is none": ("audit dump dump --policy policy", "checkpoint: note: "),
    "a receipt that is none": ("receipt proof --policy policy", "receipt: not a PDF"),
}


@pytest.mark.parametrize("name", BAD)
def test_exit_1_and_the_first_failure_for(name, folder):
    arguments, failure = BAD[name]
    result = run(folder, *arguments.split())
    assert (result.returncode, result.stderr) == (1, "")
    assert result.stdout.startswith(f"NOT VERIFIED: {failure}")
    assert len(result.stdout.splitlines()) == 1


UNUSABLE = {
    "no command": ("", "usage"),
    "an unknown command": ("prove proof --policy policy", "usage"),
    "no policy": ("proof proof", "--policy"),
    "no proof of growth": ("consistency old new --policy policy", "--proof"),
    "a file too much": ("proof proof proof --policy policy", "usage"),
    "a file that is not there": ("proof nothing --policy policy", "nothing: No such file"),
    "a policy that is not there": ("proof proof --policy nothing", "nothing: No such file"),
    "a policy that is none": ("proof proof --policy bad-policy", "bad-policy: policy, line 1: a log line is"),
    "an empty policy": ("proof proof --policy empty", "empty: policy: it has no quorum line"),
    "a folder": ("proof . --policy policy", "Is a directory"),
    "a dump that is not there": ("audit nothing new --policy policy", "nothing: No such file"),
    "a dump that is a folder": ("audit . new --policy policy", "Is a directory"),
    "a checkpoint that is not there": ("audit dump nothing --policy policy", "nothing: No such file"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_exit_2_for(name, folder):
    arguments, words = UNUSABLE[name]
    result = run(folder, *arguments.split())
    assert (result.returncode, result.stdout) == (2, "")
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_a_dump_from_a_pipe_cannot_be_read_twice(folder):
    command = [sys.executable, "-m", "impactnet_verify", "audit", "/dev/stdin", "new", "--policy", "policy"]
    result = subprocess.run(command, cwd=folder, input=STORY.dump(), capture_output=True, check=False)
    assert (result.returncode, result.stdout) == (2, b"")
    assert b"cannot be read twice; store it in a file first" in result.stderr


def test_the_broken_block_is_named(folder):
    changed = STORY.dump().replace(b'"award_id":"33', b'"award_id":"34', 1)
    (folder / "dump").write_bytes(changed)
    result = run(folder, "audit", "dump", "new", "--policy", "policy")
    assert result.returncode == 1
    assert result.stdout.startswith("NOT VERIFIED: block 6: postings: ")
    changed = STORY.dump().replace(b"6" * 64, b"9" * 64, 1)
    (folder / "dump").write_bytes(changed)
    result = run(folder, "audit", "dump", "new", "--policy", "policy")
    assert result.returncode == 1
    assert result.stdout.startswith("NOT VERIFIED: block 8: previous_hash: not the hash of block 7")


def test_a_verdict_survives_a_terminal_without_its_letters(folder):
    proof = STORY.proof(9).replace(b"log.example/impactnet\n17", "läg.example\n17".encode())
    (folder / "proof").write_bytes(proof)
    result = run(folder, "proof", "proof", "--policy", "policy", PYTHONIOENCODING="ascii")
    assert result.returncode == 1
    overdrawn = Log().add("commitment", "event-1", commitment()).add("donation", "gift-1", donation())
    (folder / "dump").write_bytes(overdrawn.dump())
    (folder / "new").write_bytes(overdrawn.checkpoint())
    result = run(folder, "audit", "dump", "new", "--policy", "policy", LC_ALL="C", PYTHONUTF8="0")
    assert (result.returncode, result.stderr) == (1, "")
    assert result.stdout.startswith("NOT VERIFIED: block 1: balances: program:")


# What becomes of a verdict, or of a complaint, that nobody can be told: the exit code that is meant is not 1.
SILENCED = {
    "a closed output": ("proof proof --policy policy >&-", "standard output: it is closed"),
    "a full disk": ("proof proof --policy policy >/dev/full", "standard output: No space left on device"),
    "a full disk for a bad verdict": ("proof dump --policy policy >/dev/full", "standard output: No space left"),
    "a reader that has gone": ("proof proof --policy policy >&3", "standard output: Broken pipe"),
    "a closed error output": ("proof nothing --policy policy 2>&-", ""),
    "a full disk for errors": ("proof nothing --policy policy 2>/dev/full", ""),
    "both closed": ("proof nothing --policy policy >&- 2>&-", ""),
}


@pytest.mark.parametrize("name", SILENCED)
def test_exit_2_if_the_verdict_cannot_be_told_because_of(name, folder):
    arguments, words = SILENCED[name]
    reading, writing = os.pipe()
    os.close(reading)
    script = f'exec 3>&{writing}; exec "{sys.executable}" -m impactnet_verify {arguments}'
    result = subprocess.run(
        ["bash", "-c", script], cwd=folder, capture_output=True, text=True, check=False, pass_fds=[writing]
    )
    os.close(writing)
    assert (result.returncode, result.stdout) == (2, "")
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert "Exception ignored" not in result.stderr


def test_the_installed_command_is_the_same(folder):
    command = Path(sys.executable).with_name("impactnet-verify")
    result = subprocess.run(
        [command, "proof", "proof", "--policy", "policy"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == run(folder, "proof", "proof", "--policy", "policy").stdout


# Runs in a fresh interpreter: whatever is imported, opened or started after its start is written down.
WATCHER = """
import json, sys
at_start = set(sys.modules)
events = []
def watch(event, arguments):
    if event.startswith(("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.system", "urllib.")):
        events.append(event)
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        events.append(f"writes {arguments[0]}")
sys.addaudithook(watch)
sys.dont_write_bytecode = True
from impactnet_verify.command_line import main
codes = [main(line.split()) for line in sys.argv[1].split(";")]
imported = {name.partition(".")[0] for name in set(sys.modules) - at_start} - set(sys.stdlib_module_names)
print(json.dumps([codes, events, sorted(imported)]))
"""
# The last two are parts of what cryptography itself is made of.
ALLOWED = {"impactnet_verify", "cryptography", "_cffi_backend", "_openssl"}


def test_it_imports_the_standard_library_and_cryptography_and_opens_no_socket(folder):
    lines = ";".join(arguments for arguments, *_ in GOOD.values())
    result = subprocess.run(
        [sys.executable, "-c", WATCHER, lines], cwd=folder, capture_output=True, text=True, check=True
    )
    codes, events, imported = json.loads(result.stdout.splitlines()[-1])
    assert codes == [0] * len(GOOD)
    assert events == []
    assert {"impactnet_verify", "cryptography"} <= set(imported) <= ALLOWED


def test_its_only_dependency_is_cryptography():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    assert project["dependencies"] == ["cryptography"]
    assert "optional-dependencies" not in project
