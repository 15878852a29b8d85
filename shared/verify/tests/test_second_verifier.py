"""Another verifier, in another language, written from docs/verification.md alone, comes to the same verdicts."""

import base64
import io
import json
import random
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from shared.verify.tests.audited_logs import paid
from shared.verify.tests.logs import LOG, OTHER_WITNESS, POLICY, POLICY_WITHOUT_WITNESSES, STRANGER, WITNESS, Log, story
from shared.verify.tests.test_audit_of_blocks import BROKEN_BLOCKS, SPELLINGS
from shared.verify.tests.test_audit_of_payments import AWARDS, PAID_TWICE, STEPS, committed
from shared.verify.tests.test_policies import EXAMPLE, WITNESSES

from impactnet_verify.audit import audit
from impactnet_verify.checkpoints import open_checkpoint
from impactnet_verify.failures import NotVerifiedError
from impactnet_verify.policies import parse_policy
from impactnet_verify.proofs import verify_growth, verify_proof

SCRIPT = Path(__file__).parent / "second" / "verify.mjs"
EXAMPLES = Path(__file__).parent / "data" / "example"
DOCUMENT = Path(__file__).parents[3] / "docs" / "verification.md"
STORY = story()
Case = tuple[str, tuple[bytes, ...]]


def node(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    """Node is part of what the tests need: without it they fail, they are not skipped."""
    program = shutil.which("node")
    assert program is not None, "Node 20 or newer is needed: the second verifier is written for it"
    return subprocess.run([program, SCRIPT, *arguments], capture_output=True, encoding="utf-8", check=False, **options)


def second_verdicts(cases: list[Case]) -> list[str | None]:
    tasks = [
        {"command": command, "files": [base64.b64encode(file).decode() for file in files]} for command, files in cases
    ]
    result = node("judge", input="".join(f"{json.dumps(task)}\n" for task in tasks))
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def our_verdict(case: Case) -> str | None:
    command, files = case
    policy = parse_policy(files[-1])
    try:
        if command == "proof":
            verify_proof(files[0], policy)
        else:
            audit(io.BytesIO(files[0]), open_checkpoint(files[1], policy))
    except NotVerifiedError as failure:
        return str(failure)
    return None


def compare(cases: list[Case]) -> list[str | None]:
    """Both say the same of each case, and name the same block; gives our verdicts."""
    ours = [our_verdict(case) for case in cases]
    second = second_verdicts(cases)
    assert len(ours) == len(second)
    for case, one, other in zip(cases, ours, second, strict=True):
        named = [None if each is None else (re.match(r"block \d+:", each) or [""])[0] for each in (one, other)]
        assert named[0] == named[1], (one, other, case)
    return ours


def audit_of(log: Log, policy: str = POLICY_WITHOUT_WITNESSES) -> Case:
    return "audit", (log.dump(), log.checkpoint(), policy.encode())


def test_both_verify_every_proof_and_every_beginning_of_a_log():
    cases: list[Case] = []
    for size in range(1, STORY.size + 1):
        cases.append(audit_of(Log(STORY.preimages[:size]), POLICY))
        cases += [("proof", (STORY.proof(index, size), POLICY.encode())) for index in range(size)]
    assert compare(cases) == [None] * len(cases)


def test_both_refuse_each_broken_rule_at_the_same_block():
    cases = []
    for block, changes, _ in BROKEN_BLOCKS.values():
        cases.append(audit_of(Log().add(*block, **changes)))
    for found, changed in SPELLINGS.values():
        log = Log().add("donation", "gift-1", json.loads(STORY.preimages[2])["data"])
        log.preimages[1] = log.preimages[1].replace(found, changed, 1)
        cases.append(audit_of(log))
    for begin, blocks, _ in STEPS.values():
        log = Log(list(begin.preimages))
        for added in blocks:
            log.add(*added)
        cases.append(audit_of(log))
    for more, _ in AWARDS.values():
        log = paid()
        for added in more:
            log.add(*added)
        cases.append(audit_of(log))
    for twice in PAID_TWICE.values():
        log = committed()
        for added in twice:
            log.add(*added)
        cases.append(audit_of(log))
    assert None not in compare(cases)


def test_both_notice_a_changed_byte():
    choice = random.Random(1)  # noqa: S311 -- the same changes in each run
    cases: list[Case] = []
    for _ in range(400):
        for command, files in (("proof", [STORY.proof(9)]), ("audit", [STORY.dump(), STORY.checkpoint()])):
            number = choice.randrange(len(files))
            changed = bytearray(files[number])
            changed[choice.randrange(len(changed))] ^= choice.randrange(1, 256)
            files[number] = bytes(changed)
            cases.append((command, (*files, POLICY.encode())))
    assert None not in compare(cases)


def test_both_count_witnesses_alike():
    signers = {"log": LOG, "witness": WITNESS, "other": OTHER_WITNESS, "stranger": STRANGER, **WITNESSES}
    choice = random.Random(2)  # noqa: S311 -- the same choices in each run
    cases: list[Case] = []
    for _ in range(100):
        chosen = tuple(signer for signer in signers.values() if choice.random() < 0.7)
        note = STORY.checkpoint(signers=chosen or (LOG,))
        cases.append(("audit", (STORY.dump(), note, choice.choice([EXAMPLE, POLICY.encode()]))))
    verdicts = compare(cases)
    assert 10 < verdicts.count(None) < 90


def test_the_second_verifier_works_on_files():
    for arguments, code in (
        (("proof", "donation.tlog-proof", "policy"), 0),
        (("audit", "dump.jsonl", "checkpoint", "policy"), 0),
        (("audit", "dump.jsonl", "checkpoint.3", "policy"), 1),
        (("proof", "policy"), 2),
    ):
        result = node(*arguments, cwd=EXAMPLES)
        assert result.returncode == code, result.stdout + result.stderr


# The page itself.

BLOCKS = dict(re.findall(r"^```([a-z0-9.-]+)\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("path", sorted(EXAMPLES.iterdir()), ids=lambda path: path.name)
def test_the_page_shows_the_examples_as_they_are(path):
    content = path.read_text()
    # JSON has no newline at its end; a block of Markdown has.
    assert BLOCKS[path.name] == (content if content.endswith("\n") else f"{content}\n")


def test_the_examples_are_what_the_page_says_of_them():
    example: Callable[[str], bytes] = lambda name: (EXAMPLES / name).read_bytes()  # noqa: E731 -- a short name for it
    policy = parse_policy(example("policy"))
    for name in ("donation.tlog-proof", "donation.json"):
        proven = verify_proof(example(name), policy)
        assert proven.hash in DOCUMENT.read_text()
        assert proven.checkpoint.size == 3
    before, after = verify_growth(example("checkpoint.3"), example("checkpoint"), example("growth"), policy)
    assert (before.size, after.size) == (3, 4)
    assert compare([("audit", (example("dump.jsonl"), example("checkpoint"), example("policy")))]) == [None]
    log = Log(example("dump.jsonl").splitlines())
    for number, leaf in enumerate(log.leaves()):
        assert f"L{number} {leaf.hex()}" in DOCUMENT.read_text()
