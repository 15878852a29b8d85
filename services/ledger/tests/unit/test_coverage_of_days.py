"""Which days have a statement: the same as looking through all periods, at the cost of looking at a few."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import ClassVar

from hypothesis import given
from hypothesis import strategies as st

from ledger.use_cases.reconcile_day import Coverage

FIRST = date(2016, 1, 1)
YEARS_DAYS = 3_650
# A dozen halvings find one of ten years' days.
COMPARED_MAX = 16


def day(offset: int) -> date:
    return FIRST + timedelta(days=offset)


period = st.tuples(st.integers(0, 60), st.integers(0, 5)).map(lambda found: (day(found[0]), day(sum(found))))


@given(st.lists(period), st.integers(-2, 70))
def test_a_day_is_covered_where_a_period_has_it(periods, offset):
    asked = day(offset)
    covered = Coverage({"0123456789": periods})
    assert covered("0123456789", asked) is any(first <= asked <= last for first, last in periods)
    assert covered("9876543210", asked) is False


def counted(name: str) -> Callable[[date, date], bool]:
    compare: Callable[[date, date], bool] = getattr(date, name)

    def counting(self: date, other: date) -> bool:
        CountedDay.compared += 1
        return compare(self, other)

    return counting


class CountedDay(date):
    """A day that counts what it is compared with."""

    compared: ClassVar[int] = 0
    __lt__ = counted("__lt__")
    __le__ = counted("__le__")
    __gt__ = counted("__gt__")
    __ge__ = counted("__ge__")


def test_one_of_ten_years_of_statements_is_found_by_a_few_comparisons():
    every_other_day = [(day(2 * number), day(2 * number)) for number in range(YEARS_DAYS)]
    covered = Coverage({"0123456789": every_other_day})
    CountedDay.compared = 0
    asked = day(2 * YEARS_DAYS - 3)
    assert covered("0123456789", CountedDay(asked.year, asked.month, asked.day)) is False
    assert 0 < CountedDay.compared <= COMPARED_MAX
