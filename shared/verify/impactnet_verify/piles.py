"""Money out of lots, the oldest on top: cut and put together without going through all the lots that are in it.

A pile is a binary trie over the ages of its lots (Okasaki and Gill, "Fast Mergeable Integer Maps", 1998), each of whose
nodes knows what is below it. Cutting takes a step for each bit of an age. Joining takes a step for each place that both
piles have, and leaves one of the two: all joins of a log together take no more steps than were ever made places for, so
a whole award may be paid and come back as often as somebody likes to write it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(slots=True, eq=False, weakref_slot=True)
class Lot:
    """A donation; `age` is its block's index, `fund` its program and currency, `kept` what of it was not refunded."""

    id: str
    age: int
    donor: str
    earmark: str
    fund: tuple[str, str]
    kept: int


class Part(NamedTuple):
    """So much of one lot, in the smallest unit: a pile of one."""

    age: int
    amount: int
    lot: Lot
    height: int = 0
    lots: int = 1


class Fork(NamedTuple):
    """Two piles. Their lots' ages differ in bit `height` - 1, and in none above it."""

    age: int  # of its oldest lot
    amount: int
    older: "Pile"
    younger: "Pile"
    height: int
    lots: int  # how many


Pile = Part | Fork
# By earmark: what is taken, paid and given back together. Each pile has lots of one earmark alone.
Money = tuple[tuple[str, Pile], ...]


def _fork(older: Pile, younger: Pile, height: int) -> Fork:
    return Fork(older.age, older.amount + younger.amount, older, younger, height, older.lots + younger.lots)


def _is_younger(age: int, height: int) -> int:
    """On which side of a fork of this height a lot of this age is."""
    return age >> (height - 1) & 1


def join(one: Pile, other: Pile) -> Pile:
    apart = (one.age ^ other.age).bit_length()
    if apart > one.height and apart > other.height:
        return _fork(one, other, apart) if one.age < other.age else _fork(other, one, apart)
    if one.height < other.height:
        one, other = other, one
    if isinstance(one, Part):
        return Part(one.age, one.amount + other.amount, one.lot)
    if isinstance(other, Fork) and one.height == other.height:
        return _fork(join(one.older, other.older), join(one.younger, other.younger), one.height)
    if _is_younger(other.age, one.height):
        return _fork(one.older, join(one.younger, other), one.height)
    return _fork(join(one.older, other), one.younger, one.height)


def cut(pile: Pile, amount: int) -> tuple[Pile, Pile | None]:
    """`amount` from the top, of more than nothing and no more than there is; and the rest, if there is one."""
    if amount == pile.amount:
        return pile, None
    if isinstance(pile, Part):
        return Part(pile.age, amount, pile.lot), Part(pile.age, pile.amount - amount, pile.lot)
    if amount <= pile.older.amount:
        taken, rest = cut(pile.older, amount)
        return taken, pile.younger if rest is None else _fork(rest, pile.younger, pile.height)
    taken, rest = cut(pile.younger, amount - pile.older.amount)
    return _fork(pile.older, taken, pile.height), rest


def amount_of(pile: Pile, lot: Lot) -> int:
    """What a pile has of one lot."""
    while isinstance(pile, Fork):
        pile = pile.younger if _is_younger(lot.age, pile.height) else pile.older
    return pile.amount if pile.lot is lot else 0


def without(pile: Pile, lot: Lot, amount: int) -> Pile | None:
    """The pile less so much of one lot, which has it."""
    if isinstance(pile, Part):
        return Part(pile.age, pile.amount - amount, lot) if amount < pile.amount else None
    if _is_younger(lot.age, pile.height):
        rest = without(pile.younger, lot, amount)
        return pile.older if rest is None else _fork(pile.older, rest, pile.height)
    rest = without(pile.older, lot, amount)
    return pile.younger if rest is None else _fork(rest, pile.younger, pile.height)


def parts_of(money: Money) -> Iterator[Part]:
    """One by one, in no order."""
    waiting = [pile for _, pile in money]
    while waiting:
        pile = waiting.pop()
        if isinstance(pile, Part):
            yield pile
        else:
            waiting += pile.younger, pile.older


def split(piles: Mapping[str, Pile], amount: int) -> dict[str, int]:
    """What of `amount`, which is less than they hold, each gives if the oldest lot of all comes first."""
    given = dict.fromkeys(piles, 0)
    ahead = dict(piles)
    while len(ahead) > 1:
        age = next(iter(ahead.values())).age
        height = max(max(pile.height, (pile.age ^ age).bit_length()) for pile in ahead.values())
        older: dict[str, Pile] = {}
        younger: dict[str, Pile] = {}
        for name, pile in ahead.items():
            if isinstance(pile, Fork) and pile.height == height:
                older[name], younger[name] = pile.older, pile.younger
            else:
                (younger if _is_younger(pile.age, height) else older)[name] = pile
        held = sum(pile.amount for pile in older.values())
        if amount <= held:
            ahead = older
            continue
        amount -= held
        for name, pile in older.items():
            given[name] += pile.amount
        ahead = younger
    for name in ahead:
        given[name] += amount
    return given
