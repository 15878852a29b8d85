"""Who has how much of which donation: programs, and awards of what programs had."""

from collections.abc import Callable, Iterable
from typing import Final

from impactnet_verify.piles import Lot, Money, Pile, amount_of, cut, join, split, without

NO_EARMARK: Final = ""


class Purse:
    """Piles by earmark: what a program has, or what an award has of it."""

    def __init__(self) -> None:
        self._piles: dict[str, Pile] = {}

    @property
    def amount(self) -> int:
        return sum(pile.amount for pile in self._piles.values())

    @property
    def lots(self) -> int:
        """How many."""
        return sum(pile.lots for pile in self._piles.values())

    @property
    def is_empty(self) -> bool:
        return not self._piles

    def held(self, earmarks: Iterable[str]) -> int:
        return sum(self._piles[each].amount for each in earmarks if each in self._piles)

    def amount_of(self, lot: Lot) -> int:
        pile = self._piles.get(lot.earmark)
        return 0 if pile is None else amount_of(pile, lot)

    def put(self, money: Money) -> None:
        for earmark, pile in money:
            own = self._piles.get(earmark)
            self._piles[earmark] = pile if own is None else join(own, pile)

    def take(self, amount: int, earmarks: Iterable[str] | None = None) -> Money:
        """Of these earmarks or of all, the oldest first; all that there is if it is not so much."""
        names = [*self._piles] if earmarks is None else earmarks
        piles = {each: self._piles[each] for each in names if each in self._piles}
        if len(piles) == 1:  # as nearly always
            [(name, whole)] = piles.items()
            oldest, rest = cut(whole, min(amount, whole.amount))
            self._keep(name, rest)
            return ((name, oldest),)
        if amount >= sum(pile.amount for pile in piles.values()):
            for each in piles:
                self._keep(each, None)
            return tuple(piles.items())
        taken: list[tuple[str, Pile]] = []
        for each, part in split(piles, amount).items():
            if part:
                pile, rest = cut(piles[each], part)
                taken.append((each, pile))
                self._keep(each, rest)
        return tuple(taken)

    def take_of(self, lot: Lot, amount: int) -> None:
        """What it has of that lot, or less."""
        self._keep(lot.earmark, without(self._piles[lot.earmark], lot, amount))

    def _keep(self, earmark: str, pile: Pile | None) -> None:
        if pile is None:
            del self._piles[earmark]
        else:
            self._piles[earmark] = pile


class Fund(Purse):
    """What a program has in one currency, and for what it was given."""

    def __init__(self) -> None:
        super().__init__()
        # Earmarks that have money, as far as they may be an application; and those of which that was not asked yet.
        self._possible: set[str] = set()
        self._unasked: set[str] = set()

    @property
    def has_earmarks(self) -> bool:
        return len(self._piles) > (NO_EARMARK in self._piles)

    def put(self, money: Money) -> None:
        self._unasked.update(each for each, _ in money if each != NO_EARMARK and each not in self._piles)
        super().put(money)

    def possible(self, may_be: Callable[[str], bool]) -> set[str]:
        """Earmarks of lots that hold something for which `may_be` holds, which is asked once of each."""
        self._possible.update(filter(may_be, self._unasked))
        self._unasked.clear()
        return self._possible

    def _keep(self, earmark: str, pile: Pile | None) -> None:
        super()._keep(earmark, pile)
        if pile is None:
            self._possible.discard(earmark)
            self._unasked.discard(earmark)
