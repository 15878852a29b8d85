"""Advisory locks: whoever holds one keeps off those who do the same, and nobody else."""

import re
from collections import Counter
from pathlib import Path

import ledger

LOCK = re.compile(r"^_[A-Z_]+: Final = (7_312_\d{3})$", re.MULTILINE)


def test_no_two_kinds_of_work_hold_each_other_off_by_the_same_number():
    sources = Path(ledger.__file__).parent.rglob("*.py")
    numbers = Counter(number for source in sources for number in LOCK.findall(source.read_text(encoding="utf-8")))
    assert len(numbers) >= 4
    assert [number for number, count in numbers.items() if count > 1] == []
