"""Policy files as c2sp.org/tlog-policy specifies them, and keys and cosignatures that a policy may not believe."""

import json
from itertools import combinations
from pathlib import Path

import pytest

from ledger.adapters.witness_memory import open_policy
from ledger.domain.cosignatures import WitnessKey, WitnessSigningKey, check_cosignature
from ledger.domain.notes import Signature, SigningKey, VerifierKey, parse, sign
from ledger.domain.refusals import BadKeyError, BadNoteError
from ledger.domain.witness_policy import NO_WITNESSES, BadPolicyError, parse_policy
from ledger.witness.log_list import parse_log_list

DATA = Path(__file__).parents[1] / "data"
LOG = SigningKey("log.example/a", bytes(32)).verifier.vkey
KEYS = [WitnessSigningKey(f"witness.example/{number}", bytes([number] * 32)) for number in range(1, 8)]
W = [key.verifier.vkey for key in KEYS]
NESTED = f"""# The specification's example
log {LOG}
witness X1 {W[0]}
witness X2 {W[1]}\thttps://x2.example/w/
  witness X3 {W[2]}

group X-witnesses 2 X1 X2 X3
witness Y1 {W[3]}
witness Y2 {W[4]}
witness Y3 {W[5]}
group Y-witnesses any Y1 Y2 Y3
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def test_the_quorum_of_nested_groups_is_what_the_words_say():
    policy = parse_policy(NESTED.encode())
    names = [witness.name for witness in policy.witnesses]
    assert names == ["X1", "X2", "X3", "Y1", "Y2", "Y3"]
    assert [key.vkey for key in policy.logs] == [LOG]
    assert [witness.url for witness in policy.witnesses[:2]] == [None, "https://x2.example/w"]
    for count in range(7):
        for chosen in combinations(names, count):
            expected = sum(name[0] == "X" for name in chosen) >= 2 and any(name[0] == "Y" for name in chosen)
            assert policy.is_met_by(chosen) is expected, chosen


def test_a_quorum_of_one_witness_of_none_and_of_a_name_that_is_no_utf8():
    assert parse_policy(f"witness a {W[0]}\nquorum a".encode()).is_met_by(["a"])
    assert not parse_policy(f"witness a {W[0]}\nquorum a".encode()).is_met_by([])
    assert parse_policy(b"quorum none\n").is_met_by([])
    assert NO_WITNESSES.is_met_by([])
    opaque = b"witness \xff\xfe " + W[0].encode() + b"\nwitness \xff " + W[1].encode() + b"\nquorum \xff\n"
    policy = parse_policy(opaque)
    assert not policy.is_met_by([policy.witnesses[0].name])
    assert policy.is_met_by([policy.witnesses[1].name])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no quorum"),
        (f"log {LOG}\n", "no quorum"),
        ("quorum none\nquorum none\n", "second"),
        ("quorum a\n", "not defined"),
        (f"quorum a\nwitness a {W[0]}\n", "not defined"),
        (f"witness none {W[0]}\nquorum none\n", "taken"),
        (f"witness a {W[0]}\nwitness a {W[1]}\nquorum a\n", "taken"),
        (f"witness a {W[0]}\ngroup a all a\nquorum a\n", "taken"),
        (f"witness a {W[0]}\nwitness b {W[0]}\nquorum a\n", "same public key"),
        (f"log {LOG}\nlog {LOG}\nquorum none\n", "same public key"),
        (f"witness a {W[0]}\ngroup g 2 a\nquorum g\n", "from 1 to 1"),
        (f"witness a {W[0]}\ngroup g 0 a\nquorum g\n", "from 1 to 1"),
        (f"witness a {W[0]}\ngroup g 01 a\nquorum g\n", "from 1 to 1"),
        (f"witness a {W[0]}\ngroup g some a\nquorum g\n", "from 1 to 1"),
        (f"witness a {W[0]}\ngroup g any\nquorum g\n", "group line"),
        (f"witness a {W[0]}\ngroup g any a a\nquorum g\n", "member already"),
        (f"witness a {W[0]}\ngroup g any a\ngroup h any a\nquorum g\n", "member already"),
        ("group g any none\nquorum g\n", "not defined"),
        ("group g any g\nquorum g\n", "not defined"),
        (f"witness a {LOG}\nquorum a\n", "type 4"),
        (f"log {W[0]}\nquorum none\n", "type 1"),
        (f"witness a {W[0]} ftp://x\nquorum a\n", "http"),
        (f"witness a {W[0]} https://x/?q\nquorum a\n", "http"),
        (f"witness a {W[0]} https://x y\nquorum a\n", "witness line"),
        ("witness a\nquorum a\n", "witness line"),
        ("quorum\n", "quorum line"),
        ("quorum none none\n", "quorum line"),
        ("believe everybody\n", "'believe'"),
        ("quorum none\r\n", "control character"),
        ("quorum\x0bnone\n", "control character"),
        ("log a+b+c\nquorum none\n", "line 1"),
    ],
)
def test_anything_else_is_refused_with_the_line_and_the_rule(text, words):
    with pytest.raises(BadPolicyError) as refused:
        parse_policy(text.encode())
    assert words in refused.value.detail


@pytest.mark.parametrize(
    "url",
    [
        b"http://127.0.0.1:65536",
        b"http://127.0.0.1:-1",
        b"http://127.0.0.1:port",
        b"https://:80",
        b"https://[::1",
        b"https://witness.example/\xff",
    ],
)
def test_an_address_that_nothing_can_be_sent_to_is_named_before_anything_is_signed(tmp_path, url):
    """A policy to verify by may have it: there, it means nothing."""
    path = tmp_path / "policy"
    path.write_bytes(b"witness w1 %s %s\nquorum w1\n" % (W[0].encode(), url))
    assert parse_policy(path.read_bytes()).witnesses
    with pytest.raises(BadPolicyError, match="'w1'"):
        open_policy(str(path), VerifierKey.parse(LOG))


def test_an_address_may_have_letters_of_every_language(tmp_path):
    path = tmp_path / "policy"
    path.write_text(f"witness w1 {W[0]} https://wítness.example:65535/ẹ̀rí\nquorum w1\n", encoding="utf-8")
    assert open_policy(str(path), VerifierKey.parse(LOG)).witnesses


def test_as_many_witnesses_and_groups_as_the_specification_asks_for():
    keys = [WitnessSigningKey("w", bytes([number]) * 32).verifier.vkey for number in range(1, 33)]
    lines = [f"witness w{number} {key}" for number, key in enumerate(keys)]
    lines += [f"group g{number} any w{number}" for number in range(31)]
    lines += [f"group all 31 {' '.join(f'g{number}' for number in range(31))}", "quorum all"]
    policy = parse_policy("\n".join(lines).encode())
    assert policy.is_met_by([f"w{number}" for number in range(31)])
    assert not policy.is_met_by([f"w{number}" for number in range(1, 32)])
    lines.insert(0, f"witness more {KEYS[0].verifier.vkey}")
    with pytest.raises(BadPolicyError):
        parse_policy("\n".join(lines).encode())


def test_a_witness_list_names_logs_by_their_origin_and_refuses_nonsense():
    other = SigningKey("log.example/a", bytes([9] * 32)).verifier.vkey
    logs = parse_log_list(f"log {LOG}\nlog {other}\nquorum none\n".encode())
    assert [key.vkey for key in logs["log.example/a"]] == [LOG, other]
    for bad in (b"quorum none\n", b"logs/v0\n", b"logs/v0\norigin x\n", b"logs/v0\nvkey x\n", b"nonsense\n"):
        with pytest.raises(BadPolicyError):
            parse_log_list(bad)


def test_a_key_under_which_anyone_can_cosign_is_refused_in_a_policy():
    identity = bytes([1]) + bytes(31)
    vkey = WitnessKey("weak.example/w", identity).vkey
    with pytest.raises(BadPolicyError, match="small order"):
        parse_policy(f"witness weak {vkey}\nquorum weak\n".encode())


def test_the_specifications_cosigned_example_parses_and_keys_read_back():
    shape = json.loads((DATA / "c2sp" / "examples.json").read_text())["checkpoint_shape"]
    line = parse(shape).signatures[1]
    assert int.from_bytes(line.signature[:8], "big") == 1679315147
    assert len(line.signature) == 72
    key = KEYS[0]
    assert WitnessSigningKey.parse(key.text) == key
    assert WitnessKey.parse(key.verifier.vkey) == key.verifier
    assert key.seed.hex() not in repr(key)
    with pytest.raises(BadKeyError):
        VerifierKey.parse(key.verifier.vkey)
    with pytest.raises(BadKeyError):
        SigningKey.parse(key.text)


@pytest.mark.parametrize("ahead", [61, 3600, 2**62])
def test_a_cosignature_from_the_future_is_refused(ahead):
    now = 1_790_000_000
    check_cosignature("a\n1\nb\n", KEYS[0].cosign("a\n1\nb\n", now + 60), KEYS[0].verifier, now=now)
    with pytest.raises(BadNoteError, match="future"):
        check_cosignature("a\n1\nb\n", KEYS[0].cosign("a\n1\nb\n", now + ahead), KEYS[0].verifier, now=now)


def test_a_cosignature_without_a_time_or_of_another_kind_is_refused():
    body, now = "a\n1\nb\n", 1_790_000_000
    log_key = SigningKey(KEYS[0].name, KEYS[0].seed)
    for signature in (
        KEYS[0].cosign(body, 0).signature,
        b"",
        bytes(72),
        b"\xff" * 8 + KEYS[0].cosign(body, now).signature[8:],
        # The same seed's signature as a log's, without the lines that keep the two apart.
        KEYS[0].cosign(body, now).signature[:8] + parse(sign(body, log_key)).signatures[0].signature,
    ):
        with pytest.raises(BadNoteError):
            check_cosignature(body, Signature(KEYS[0].name, KEYS[0].verifier.id, signature), KEYS[0].verifier, now=now)
