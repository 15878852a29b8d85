"""Migrations that are done stay as they are: somebody's database has been taken through them, and never will be again.

A change of one would reach new databases only, and the old ones would differ from what the code believes. The list in
`migrations.sha256` holds the digest of each, as `sha256sum` writes it; a new migration is added once it is done.
"""

from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parents[2]
KNOWN = Path(__file__).with_name("migrations.sha256")


def listed() -> dict[str, str]:
    lines = (line.split("  ", 1) for line in KNOWN.read_text().splitlines())
    return {name: digest for digest, name in lines}


def found() -> dict[str, str]:
    services = ROOT.glob("services/*/*/migrations/versions/*.*")
    # Services run these from their own migrations.
    standard = ROOT.glob("shared/chassis/chassis/standard_tables_*.sql")
    return {str(path.relative_to(ROOT)): sha256(path.read_bytes()).hexdigest() for path in (*services, *standard)}


def test_a_migration_that_is_done_is_not_changed_but_followed_by_another():
    known, now = listed(), found()
    changed = [name for name, digest in known.items() if now.get(name) != digest]
    assert not changed, f"changed or gone: {changed}; put the change into a migration of its own"


def test_each_migration_is_listed():
    new = {name: digest for name, digest in found().items() if name not in listed()}
    lines = "\n".join(f"{digest}  {name}" for name, digest in sorted(new.items()))
    assert not new, f"once they are done, add to {KNOWN.relative_to(ROOT)}:\n{lines}"
