"""Policies: the example of the specification, who makes a quorum, and every way to write one wrongly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared.verify.tests.logs import LOG, ORIGIN, OTHER_WITNESS, POLICY, STRANGER, WITNESS, Log, Signer, b64

from impactnet_verify.checkpoints import open_checkpoint
from impactnet_verify.failures import NotVerifiedError, UnusableInputError
from impactnet_verify.notes import COSIGNATURE, VerifierKey
from impactnet_verify.policies import parse_policy

NAMES = ("X1", "X2", "X3", "Y1", "Y2", "Y3")
WITNESSES = {name: Signer(f"{name}.example", number, COSIGNATURE) for number, name in enumerate(NAMES, 10)}
EXAMPLE = f"""log {LOG.vkey}

witness X1 {WITNESSES["X1"].vkey}
witness X2 {WITNESSES["X2"].vkey}
witness X3 {WITNESSES["X3"].vkey}
group X-witnesses 2 X1 X2 X3

witness Y1 {WITNESSES["Y1"].vkey}
witness Y2 {WITNESSES["Y2"].vkey}
witness Y3 {WITNESSES["Y3"].vkey}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
""".encode()


@given(st.sets(st.sampled_from(NAMES)))
def test_the_example_of_the_specification_wants_two_of_the_one_and_one_of_the_other(names):
    policy = parse_policy(EXAMPLE)
    keys = {VerifierKey(signer.name, signer.kind, signer.public) for name, signer in WITNESSES.items() if name in names}
    wanted = len(names & {"X1", "X2", "X3"}) >= 2 and len(names & {"Y1", "Y2", "Y3"}) >= 1
    assert policy.is_satisfied(keys) is wanted


def test_a_checkpoint_needs_the_quorum_of_its_policy():
    policy = parse_policy(EXAMPLE)
    enough = (LOG, *(WITNESSES[name] for name in ("X1", "X3", "Y2")))
    checkpoint = open_checkpoint(Log().checkpoint(signers=enough), policy)
    assert sorted(checkpoint.witnesses) == ["X1.example", "X3.example", "Y2.example"]
    with pytest.raises(NotVerifiedError, match="the quorum X-and-Y is not met"):
        open_checkpoint(Log().checkpoint(signers=enough[:-1]), policy)


def test_layout_comments_addresses_and_names_of_any_octets_are_fine():
    text = f"\t# who we trust\n \n\tlog  {LOG.vkey}\thttps://log.example/ \n# \xff\n".encode("latin-1")
    text += b"witness w\xff " + WITNESS.vkey.encode() + b"\ngroup none-of-these 1 w\xff\nquorum none-of-these"
    policy = parse_policy(text)
    assert open_checkpoint(Log().checkpoint(), policy).witnesses == {WITNESS.name: 1_790_000_000}
    with pytest.raises(NotVerifiedError, match="quorum"):
        open_checkpoint(Log().checkpoint(signers=(LOG,)), policy)


LOG_LINE = f"log {LOG.vkey}\n"
W1, W2 = f"witness w1 {WITNESS.vkey}\n", f"witness w2 {OTHER_WITNESS.vkey}\n"
MLDSA = Signer("new.example", 5, 6)
RENAMED = Signer("other.example", 1)
WRONG = {
    "nothing at all": ("", "no quorum"),
    "no quorum": (LOG_LINE, "no quorum"),
    "no log": ("quorum none\n", "no log"),
    "two quorums": (LOG_LINE + "quorum none\nquorum none\n", "line 3: .*exactly one"),
    "a quorum of two names": (LOG_LINE + W1 + W2 + "quorum w1 w2\n", "exactly one"),
    "an undefined quorum": (LOG_LINE + "quorum w1\n" + W1, "line 2: w1 is not defined above"),
    "an unknown word": (LOG_LINE + "logs x\nquorum none\n", "line 2: 'logs' is none of"),
    "a carriage return": (LOG_LINE + "quorum none\r\n", "line 2: a control character"),
    "a zero byte": (LOG_LINE + "quorum none\n\0", "line 3: a control character"),
    "a delete character": (LOG_LINE + "quorum none # \x7f\n", "line 2: a control character"),
    "the same log twice": (LOG_LINE + LOG_LINE + "quorum none\n", "line 2: .*twice"),
    "the same log under another name": (LOG_LINE + f"log {RENAMED.vkey}\nquorum none\n", "line 2: .*twice"),
    "the same witness twice": (LOG_LINE + W1 + W1.replace("w1", "w2", 1) + "quorum none\n", "line 3: .*twice"),
    "one name for two": (LOG_LINE + W1 + W2.replace("w2", "w1", 1) + "quorum none\n", "the name w1 is taken"),
    "the name none": (LOG_LINE + W1.replace("w1", "none", 1) + "quorum none\n", "the name none is taken"),
    "a group called like a witness": (LOG_LINE + W1 + "group w1 any w1\nquorum w1\n", "the name w1 is taken"),
    "a group without members": (LOG_LINE + "group g any\nquorum none\n", "a group line is"),
    "a group of a later name": (LOG_LINE + "group g any w1\n" + W1 + "quorum g\n", "w1 is not defined above"),
    "none as a member": (LOG_LINE + W1 + "group g any none w1\nquorum g\n", "none is not defined above"),
    "a group in itself": (LOG_LINE + "group g any g\nquorum g\n", "g is not defined above"),
    "a member twice": (LOG_LINE + W1 + "group g 2 w1 w1\nquorum g\n", "w1 is a member twice"),
    "a member of two": (LOG_LINE + W1 + "group g any w1\ngroup h any w1\nquorum h\n", "w1 is a member twice"),
    "a threshold of zero": (LOG_LINE + W1 + "group g 0 w1\nquorum g\n", "a threshold is"),
    "a threshold beyond": (LOG_LINE + W1 + "group g 2 w1\nquorum g\n", "a group of 1 cannot have 2"),
    "a threshold that is no number": (LOG_LINE + W1 + "group g +1 w1\nquorum g\n", "a threshold is"),
    "a log with a witness's key": (f"log {WITNESS.vkey}\nquorum none\n", "its type is 4"),
    "a witness with a log's key": (LOG_LINE + f"witness w {STRANGER.vkey}\nquorum w\n", "its type is 1"),
    "a key of a type to come": (f"log {MLDSA.vkey}\nquorum none\n", "signature type 6 is not known"),
    "a key with another's id": (LOG_LINE.replace(LOG.id.hex(), "00000000") + "quorum none\n", "does not belong"),
    "an id in upper case": (LOG_LINE.replace(LOG.id.hex(), LOG.id.hex().upper()) + "quorum none\n", "does not belong"),
    "a log line without a key": ("log\nquorum none\n", "a log line is"),
    "a log line of four": (f"log {LOG.vkey} a b\nquorum none\n", "a log line is"),
    "a witness line without a key": (LOG_LINE + "witness w1\nquorum none\n", "a witness line is"),
    "a key with a name that is not UTF-8": ("log \xff+00000000+AA==\nquorum none\n", "not UTF-8"),
    "far too much": ("#" * 1_000_001, "more than"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_policy_cannot_be(name):
    text, failure = WRONG[name]
    with pytest.raises(UnusableInputError, match=failure):
        parse_policy(text.encode("latin-1"))


def test_thirty_two_logs_witnesses_and_groups_are_possible():
    logs = [Signer(f"log{number}.example", 100 + number) for number in range(32)]
    witnesses = [Signer(f"w{number}.example", 200 + number, COSIGNATURE) for number in range(32)]
    lines = [f"log {log.vkey}" for log in logs]
    for number, witness in enumerate(witnesses):
        lines.append(f"witness w{number} {witness.vkey}")
        lines.append(f"group g{number} all w{number}" + (f" g{number - 1}" if number else ""))
    policy = parse_policy("\n".join([*lines, "quorum g31"]).encode())
    keys = {VerifierKey(each.name, each.kind, each.public) for each in witnesses}
    assert policy.is_satisfied(keys)
    assert not policy.is_satisfied(keys - {min(keys, key=lambda key: key.name)})


def test_groups_may_be_nested_as_deep_as_a_policy_is_long():
    nested = "".join(f"group g{number} any g{number - 1}\n" for number in range(1, 20_000))
    policy = f"{LOG_LINE}{W1}{W2}group g0 any w1\n{nested}quorum g19999\n"
    assert open_checkpoint(Log().checkpoint(), parse_policy(policy.encode())).witnesses
    with pytest.raises(NotVerifiedError, match="the quorum g19999 is not met"):
        open_checkpoint(Log().checkpoint(signers=(LOG, OTHER_WITNESS)), parse_policy(policy.encode()))


def open_with(policy: str, *lines: str):
    text = Log().text()
    return open_checkpoint((text + "\n" + "".join(lines)).encode(), parse_policy(policy.encode()))


def test_a_checkpoint_has_to_be_signed_by_the_log_it_speaks_for():
    text = Log().text()
    other = Signer("other.example/log", 9)
    both = f"log {LOG.vkey}\nlog {other.vkey}\nquorum none\n"
    assert open_with(both, LOG.line(text), other.line(text)).origin == ORIGIN
    with pytest.raises(NotVerifiedError, match=r"speaks for 'log.example/impactnet', but is not signed by that log"):
        open_with(both, other.line(text))
    with pytest.raises(NotVerifiedError, match="no signature by a known key"):
        open_with(both, STRANGER.line(text))
    with pytest.raises(NotVerifiedError, match="not signed by a log"):
        open_with(POLICY, WITNESS.line(text))


def test_a_line_by_a_known_key_that_does_not_hold_condemns_the_note():
    text = Log().text()
    for broken in (WITNESS.line(text + "x\n"), LOG.line(text + "x\n")):
        with pytest.raises(NotVerifiedError, match="it does not hold"):
            open_with(POLICY, LOG.line(text), WITNESS.line(text), broken)


def test_lines_by_unknown_keys_are_ignored_and_counted():
    text = Log().text()
    namesake = Signer(LOG.name, 77).line(text)
    same_id = f"— unknown.example {b64(LOG.id + bytes(64))}\n"
    checkpoint = open_with(POLICY, STRANGER.line(text), namesake, LOG.line(text), same_id, WITNESS.line(text))
    assert checkpoint.ignored_lines == 3


def test_the_latest_of_two_cosignatures_is_shown_and_no_time_goes_beyond_63_bits():
    text = Log().text()
    lines = LOG.line(text), WITNESS.line(text, 5), WITNESS.line(text, 7), WITNESS.line(text, 6)
    assert open_with(POLICY, *lines).witnesses == {WITNESS.name: 7}
    assert open_with(POLICY, LOG.line(text), WITNESS.line(text, 2**63 - 1)).witnesses == {WITNESS.name: 2**63 - 1}
    with pytest.raises(NotVerifiedError, match="beyond 2\\^63-1"):
        open_with(POLICY, LOG.line(text), WITNESS.line(text, 2**63))


def test_a_plain_signature_is_no_cosignature_and_the_other_way_round():
    text = Log().text()
    as_plain = Signer(WITNESS.name, WITNESS.number, 1)
    with pytest.raises(NotVerifiedError, match="quorum"):
        open_with(POLICY, LOG.line(text), as_plain.line(text))
    signature = WITNESS.private.sign(text.encode())
    with pytest.raises(NotVerifiedError, match="it does not hold"):
        open_with(POLICY, LOG.line(text), f"— {WITNESS.name} {b64(WITNESS.id + signature)}\n")
