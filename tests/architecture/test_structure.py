"""The structure a newcomer relies on: one shape for every service, names that say something, no unfinished work."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTEXTS = ("identity", "programs", "applications", "ledger", "feed")
EMPTY_NAMES = re.compile(r"(^|_)(utils?|helpers?|common|misc|managers?)$")
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|HACK)\b|NotImplementedError")
IGNORE = re.compile(r"#\s*(noqa|type:\s*ignore)(?P<rest>[^#]*)(?P<comment>#.*)?$")
# A few words behind the codes.
REASON = re.compile(r"(--|#)\s*\S.{7,}")
# Words of 01-product that have one meaning; these are the synonyms nobody should meet in code.
SYNONYMS = re.compile(r"\b(class|def) \w*(?i:payout|grantee|bidder)\w*")
# 07-style: about 300 lines; what is a little over is judged by people.
LINES_MAX = 320


def tracked(pattern: str) -> list[Path]:
    """Files of the repository, whether or not they are committed yet; never what a tool generated."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", pattern]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


PYTHON = tracked("*.py")
PRODUCT = [path for path in PYTHON if "tests" not in path.parts and path.name != "conftest.py"]


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("context", CONTEXTS)
def test_every_service_has_the_one_shape(context: str):
    service = ROOT / "services" / context
    package = service / context
    for name in ("README.md", "pyproject.toml", "Dockerfile", "requirements.lock", "tests"):
        assert (service / name).exists(), f"{context} has no {name}"
    for name in ("__main__.py", "settings.py", "bootstrap.py", "domain", "use_cases", "adapters", "api"):
        assert (package / name).exists(), f"{context} has no {name}"
    assert (package / "api" / "problems.py").exists()
    assert (package / "consumers").is_dir()
    assert (package / "migrations" / "env.py").exists()


@pytest.mark.parametrize("path", PRODUCT, ids=relative)
def test_each_module_says_in_one_line_what_it_is_for_and_fits_on_a_few_screens(path: Path):
    text = path.read_text()
    tree = ast.parse(text)
    docstring = ast.get_docstring(tree)
    if tree.body and "versions" not in path.parts:
        assert docstring, f"{relative(path)} has no module docstring"
    if "migrations" not in path.parts:
        assert len(text.splitlines()) <= LINES_MAX
    assert not EMPTY_NAMES.search(path.stem)
    assert not any(EMPTY_NAMES.search(part) for part in path.relative_to(ROOT).parts[:-1])


@pytest.mark.parametrize("path", PYTHON, ids=relative)
def test_nothing_is_unfinished_mocked_or_ignored_without_a_reason(path: Path):
    if path == Path(__file__):
        return
    for number, line in enumerate(path.read_text().splitlines(), 1):
        where = f"{relative(path)}:{number}"
        assert not UNFINISHED.search(line), where
        assert not re.search(r"mock\.patch|MagicMock|monkeypatch\.setattr", line), where
        assert not SYNONYMS.search(line), where
        ignored = IGNORE.search(line)
        if ignored:
            assert REASON.search(ignored["rest"] + (ignored["comment"] or "")), f"{where}: an ignore without its reason"


def test_each_distribution_has_a_name_of_ours_and_its_own_version():
    names = []
    for path in tracked("*pyproject.toml"):
        project = tomllib.loads(path.read_text())["project"]
        assert project["name"].startswith("impactnet-")
        assert re.fullmatch(r"\d+\.\d+\.\d+", project["version"])
        names.append(project["name"])
    assert len(names) == len(set(names)) >= 10


def test_locks_have_hashes_and_no_addresses():
    locks = tracked("*.lock")
    assert len(locks) >= 7
    for path in locks:
        text = path.read_text()
        assert "--hash=sha256:" in text, relative(path)
        assert not re.search(r"https?://|^(-i|--index-url|--extra-index-url|--find-links) ", text, re.MULTILINE), (
            relative(path)
        )


def test_only_one_module_calls_the_token_library():
    callers = [
        relative(path) for path in PRODUCT if re.search(r"^\s*(from|import) jose\b", path.read_text(), re.MULTILINE)
    ]
    assert callers == ["shared/chassis/chassis/tokens.py"]


def test_nothing_but_the_chassis_commits():
    pattern = re.compile(r"(connection|session|work|transaction|engine)\.(commit|begin)\(")
    allowed = {"shared/chassis/chassis/database.py", "shared/chassis/chassis/migrations.py"}
    found = {relative(path) for path in PRODUCT if "services" in path.parts and pattern.search(path.read_text())}
    assert found - allowed == set()


def test_the_check_for_reasons_sees_an_ignore_without_one():
    bare, reasoned = "x = 1  # noqa: E501", "x = 1  # noqa: E501 -- a table row"
    for line, expected in ((bare, False), (reasoned, True)):
        ignored = IGNORE.search(line)
        assert ignored is not None
        assert bool(REASON.search(ignored["rest"] + (ignored["comment"] or ""))) is expected
