"""The witness as others run it: a process on a port, with nothing but a key, a list of logs and a file."""

import asyncio
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from services.ledger.tests.witnesses import START_SECONDS_MAX, running_witnesses

from ledger.domain import merkle
from ledger.domain.checkpoints import Checkpoint
from ledger.domain.cosignatures import check_cosignature
from ledger.domain.notes import SigningKey, parse, parse_line
from ledger.domain.proofs import plan_consistency
from ledger.domain.witnessing import AddCheckpoint

LOG = SigningKey("log.example/a", bytes(range(32)))
LOGS = f"log {LOG.verifier.vkey}\nquorum none\n"
LEAVES = [merkle.leaf_hash(bytes([number])) for number in range(40)]
FORKED = [*LEAVES[:3], *(merkle.leaf_hash(bytes([number, 1])) for number in range(3, 40))]


def note(size: int, leaves: list[bytes] = LEAVES) -> str:
    return Checkpoint(LOG.name, size, merkle.append(merkle.EMPTY, leaves[:size])[0].root()).signed(LOG)


def request(old: int, size: int, leaves: list[bytes] = LEAVES) -> str:
    nodes = {(node.level, node.index): node.hash for node in merkle.append(merkle.EMPTY, leaves)[1]}
    proof = plan_consistency(old, size).build(nodes) if old else []
    return str(AddCheckpoint(old, tuple(proof), note(size, leaves)))


async def test_it_cosigns_shows_says_that_it_is_well_and_stops_when_asked(tmp_path):
    async with running_witnesses(tmp_path, LOGS, "w1") as [witness], httpx.AsyncClient(base_url=witness.url) as client:
        answer = await client.post("/add-checkpoint", content=request(0, 5))
        assert answer.status_code == 200
        line = parse_line(answer.text.removesuffix("\n"))
        check_cosignature(parse(note(5)).text, line, witness.key.verifier, now=2**62)
        stale = await client.post("/add-checkpoint", content=request(3, 7))
        assert (stale.status_code, stale.text, stale.headers["content-type"]) == (409, "5\n", "text/x.tlog.size")
        shown = await client.get(f"/{sha256(LOG.name.encode()).hexdigest()}/checkpoint")
        assert shown.text == note(5) + line.line
        too_long = await client.post("/add-checkpoint", content=b"x" * 1_000_000)
        assert too_long.status_code == 413
        assert await witness.stop() == 0
        await witness.start()
        again = await client.post("/add-checkpoint", content=request(3, 7))
        assert (again.status_code, again.text) == (409, "5\n")


async def test_head_says_what_get_would_say_and_a_wrong_method_which_are_right(tmp_path):
    async with running_witnesses(tmp_path, LOGS, "w1") as [witness], httpx.AsyncClient(base_url=witness.url) as client:
        for path in ("/", "/health/ready", "/health/live", "/nothing"):
            whole, head = await client.get(path), await client.head(path)
            assert (head.status_code, head.content) == (whole.status_code, b"")
            assert head.headers["content-length"] == str(len(whole.content)) == whole.headers["content-length"]
        for method, path, allowed in (("GET", "/add-checkpoint", "POST"), ("POST", "/", "GET, HEAD")):
            refused = await client.request(method, path)
            assert (refused.status_code, refused.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize(("point", "seen"), [("witness_signed", 3), ("witness_cosigned", 9)])
async def test_killed_between_signature_and_answer_it_never_signs_another_view(tmp_path, point, seen):
    """Before it is stored the signature has left nothing behind; after that, the other view is refused for ever."""
    async with running_witnesses(tmp_path, LOGS, "w1") as [witness], httpx.AsyncClient(base_url=witness.url) as client:
        assert (await client.post("/add-checkpoint", content=request(0, 3))).status_code == 200
        await witness.stop()
        await witness.start(IMPACTNET_FAILPOINT=point)
        with pytest.raises(httpx.TransportError):
            await client.post("/add-checkpoint", content=request(3, 9))
        assert await witness.died() == -signal.SIGKILL
        await witness.restart()
        other = await client.post("/add-checkpoint", content=request(3, 9, FORKED))
        if seen == 3:
            assert other.status_code == 200, "nobody has ever seen the first view"
            return
        assert (other.status_code, other.text) == (409, "9\n")
        assert (await client.post("/add-checkpoint", content=request(9, 9, FORKED))).status_code == 422
        assert (await client.post("/add-checkpoint", content=request(9, 9))).status_code == 200


async def test_of_many_views_at_once_one_is_cosigned_also_by_two_processes_on_one_state(tmp_path):
    async with running_witnesses(tmp_path, LOGS, "w1", "w2") as [first, second]:
        await second.stop()
        # By mistake: the same key and the same state for both.
        (second.folder / "key").write_text(first.key.text)
        (second.folder / "state").rename(second.folder / "unused")
        (second.folder / "state").symlink_to(first.folder / "state")
        await second.start()
        old, histories, history = 0, [LEAVES, FORKED], LEAVES
        for size in range(4, 40, 5):
            views = [request(old, size, leaves) for leaves in histories] * 8
            async with httpx.AsyncClient(timeout=30) as client:
                answers = await asyncio.gather(
                    *(
                        client.post(f"{(first, second)[number % 3 == 0].url}/add-checkpoint", content=view)
                        for number, view in enumerate(views)
                    )
                )
            statuses = [answer.status_code for answer in answers]
            assert statuses.count(200) == 1, statuses
            assert set(statuses) <= {200, 409, 422}
            won = histories[statuses.index(200) % 2]
            assert old == 0 or won is history, "the first that was cosigned is the only one for ever"
            old, history = size, won


def run(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ledger", "witness", *arguments],
        env={"PATH": "", **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=START_SECONDS_MAX,
        check=False,
    )


def test_a_key_is_made_once_and_readable_by_its_owner_alone(tmp_path):
    made = run("keygen", "witness.example/w1", "--out", "key", folder=tmp_path)
    assert made.returncode == 0
    word, name, vkey, url = made.stdout.split()
    assert (word, name, url) == ("witness", "witness.example/w1", "https://witness.example/w1")
    assert vkey.startswith("witness.example/w1+")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    kept = (tmp_path / "key").read_text()
    again = run("keygen", "witness.example/w1", "--out", "key", folder=tmp_path)
    assert (again.returncode, "exists" in again.stderr) == (2, True)
    assert (tmp_path / "key").read_text() == kept
    assert run("keygen", "two words", folder=tmp_path).returncode == 2


def test_it_says_what_is_missing_or_wrong_before_it_listens(tmp_path):
    for arguments, words in (
        ((), "--key-file is needed"),
        (("--key-file", "nothing"), "No such file"),
        (("--port", "many"), "--key-file"),
    ):
        refused = run(*arguments, folder=tmp_path)
        assert (refused.returncode, words in refused.stderr) == (2, True), refused.stderr
    run("keygen", "witness.example/w1", "--out", "key", folder=tmp_path)
    (tmp_path / "logs").write_text("nonsense\n")
    options = ("--key-file", "key", "--logs", "logs", "--state", "state")
    assert "line 1" in run(*options, folder=tmp_path).stderr
    (tmp_path / "logs").write_text(LOGS)
    assert "no port" in run(*options, "--port", "0", folder=tmp_path).stderr
    assert "not a database" in run(*options[:4], "--state", "logs", folder=tmp_path).stderr
    # A log's key is not a witness's.
    refused = run("--logs", "logs", "--state", "state", folder=tmp_path, IMPACTNET_WITNESS_KEY=LOG.text)
    assert (refused.returncode, "type 4" in refused.stderr, LOG.text in refused.stderr) == (2, True, False)


def test_it_starts_without_what_the_ledger_needs(tmp_path):
    script = (
        "import sys; sys.argv = ['ledger', 'witness', 'keygen', 'w']\n"
        "import runpy\ntry: runpy.run_module('ledger', run_name='__main__')\nexcept SystemExit: pass\n"
        "import ledger.witness.process\n"
        "heavy = {'sqlalchemy', 'asyncpg', 'aiokafka', 'fastapi', 'pydantic', 'alembic', 'httpx', 'structlog'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "[]"


async def test_two_views_to_two_witnesses_are_told_by_name(tmp_path):
    """A log that shows one history here and another there: its own signatures and the cosignatures convict it."""
    async with running_witnesses(tmp_path, LOGS, "here", "there") as witnesses, httpx.AsyncClient() as client:
        policy = LOGS.removesuffix("quorum none\n") + "".join(witness.policy_line for witness in witnesses)
        (tmp_path / "policy").write_text(f"{policy}group both all here there\nquorum both\n")
        for witness, leaves in zip(witnesses, (LEAVES, FORKED), strict=True):
            answer = await client.post(f"{witness.url}/add-checkpoint", content=request(0, 9, leaves))
            assert answer.status_code == 200
            (tmp_path / witness.name).mkdir(exist_ok=True)
            (tmp_path / f"{witness.name}.note").write_text(note(9, leaves) + answer.text)
        # Each alone can be believed by who sees it alone; a quorum of both cannot be had for either.
        refused = await client.post(f"{witnesses[0].url}/add-checkpoint", content=request(9, 9, FORKED))
        assert refused.status_code == 422
    told = run("compare", "here.note", "there.note", "--policy", "policy", folder=tmp_path)
    assert told.returncode == 1
    assert told.stdout.startswith("EQUIVOCATION: log.example/a has signed two histories of size 9\n")
    assert "cosigned by witness.example/here\n" in told.stdout
    assert "cosigned by witness.example/there\n" in told.stdout
    same = run("compare", "here.note", "here.note", "--policy", "policy", folder=tmp_path)
    assert (same.returncode, same.stdout.startswith("SAME")) == (0, True)
    (tmp_path / "later.note").write_text(note(12))
    unproven = run("compare", "here.note", "later.note", "--policy", "policy", folder=tmp_path)
    assert (unproven.returncode, unproven.stdout.startswith("UNPROVEN")) == (2, True)
    (tmp_path / "proof").write_text("\n".join(request(9, 12).partition("\n\n")[0].split("\n")[1:]) + "\n")
    proven = run("compare", "later.note", "here.note", "--policy", "policy", "--proof", "proof", folder=tmp_path)
    assert (proven.returncode, proven.stdout.startswith("CONSISTENT")) == (0, True)
    forked = run("compare", "later.note", "there.note", "--policy", "policy", "--proof", "proof", folder=tmp_path)
    assert (forked.returncode, forked.stdout.startswith("INCONSISTENT")) == (1, True)
    (tmp_path / "strange.note").write_text(Checkpoint(LOG.name, 9, bytes(32)).signed(SigningKey.generate(LOG.name)))
    strange = run("compare", "here.note", "strange.note", "--policy", "policy", folder=tmp_path)
    assert strange.returncode == 2


def test_two_histories_are_told_by_a_comparison_alone(tmp_path):
    """The exit status 1 convicts a log: what cannot be read, and a verdict that nobody can hear, are 2."""
    (tmp_path / "policy").write_text(LOGS)
    (tmp_path / "note").write_text(note(9))
    (tmp_path / "other").write_text(note(9, FORKED))
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    for arguments in (("bytes", "note"), ("note", "bytes"), ("note", "note", "--proof", "bytes")):
        refused = run("compare", *arguments, "--policy", "policy", folder=tmp_path)
        assert (refused.returncode, refused.stdout) == (2, ""), refused.stderr
        assert refused.stderr.startswith("witness: ")
    (tmp_path / "key").write_bytes(b"\xff\xfe")
    assert run("--key-file", "key", "--logs", "policy", "--state", "state", folder=tmp_path).returncode == 2
    for redirection, status in ((">/dev/full", 2), (">&-", 2), ("2>&-", 1)):
        line = f'exec "$0" -m ledger witness compare note other --policy policy {redirection}'
        told = subprocess.run(
            ["/bin/sh", "-c", line, sys.executable], cwd=tmp_path, check=False, timeout=START_SECONDS_MAX
        )
        assert told.returncode == status, redirection
