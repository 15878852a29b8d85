"""Which donation pays for what, replayed from the blocks: first in, first out, earmarked money for its purpose alone.

No block names the lots of a commitment or a payment: they follow from the blocks before it. What follows is kept here
and compared with what the blocks then do, so that money which a donor gave for something else cannot be spent.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Final, NamedTuple
from weakref import WeakValueDictionary

from impactnet_verify.blocks import Block, Movement
from impactnet_verify.books import COMPLETED, SENT
from impactnet_verify.failures import NotVerifiedError, require
from impactnet_verify.piles import Lot, Money, Part, parts_of
from impactnet_verify.purses import NO_EARMARK, Fund, Purse


class _Terms(NamedTuple):
    """What the terms of every kind of movement begin with; `first` and `second` are ids that depend on the kind."""

    kind: str
    amount: str
    currency: str
    first: str  # donation: earmark; refund: donation; else award
    second: str  # donation, refund: donor; else beneficiary
    program: str


_TERMS: Final = len(_Terms._fields)


@dataclass(slots=True)
class Purposes:
    """What awards are for, as far as all of a dump says it: read first, for a decision comes after its commitment."""

    applications: dict[str, str] = field(default_factory=dict)  # by award
    _beneficiaries: dict[str, str] = field(default_factory=dict)  # by award
    _applications_of_beneficiaries: dict[str, str] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)

    def learn(self, block: Block) -> None:
        """Of a decision and of a commitment the first of an award counts."""
        if block.decided is not None:
            award, application = block.decided
            self.applications.setdefault(award, application)
        elif block.transaction_type == "commitment" and block.movement is not None:
            terms = _Terms(*block.movement.terms)
            self._beneficiaries.setdefault(terms.first, terms.second)

    def settle(self) -> None:
        """To be called when everything is learnt."""
        for award, beneficiary in self._beneficiaries.items():
            if award in self.applications:
                self._applications_of_beneficiaries.setdefault(beneficiary, self.applications[award])
        self._known = {*self.applications.values(), *self._beneficiaries, *self._beneficiaries.values()}

    def application_of(self, award: str, beneficiary: str) -> str | None:
        """The one its decision names, or else that of another award to the same beneficiary."""
        return self.applications.get(award) or self._applications_of_beneficiaries.get(beneficiary)

    def may_be_an_application(self, earmark: str) -> bool:
        """Whether an award without a decision could be for this: not if it is known to be something else."""
        return earmark not in self._known


class Lots:
    """Holds what programs and awards have of which lots, and what each payment came from.

    `not_replayed` says by program why its lots cannot be followed any further: blocks do not always carry enough. Its
    refunds are held against the donations they name all the same.
    """

    def __init__(self, purposes: Callable[[], Purposes]) -> None:
        """`purposes` are asked for when it matters, which they do only where donations are earmarked."""
        self.not_replayed: dict[str, str] = {}
        self._purposes = cache(purposes)
        self._funds: defaultdict[tuple[str, str], Fund] = defaultdict(Fund)  # by program and currency
        # A lot is known while somebody has something of it, or may get it back.
        self._known: WeakValueDictionary[str, Lot] = WeakValueDictionary()
        self._shares: defaultdict[tuple[str, str], Purse] = defaultdict(Purse)  # by account and currency
        self._payments: dict[str, Money] = {}
        self._refunds: dict[str, Lot] = {}  # under way

    @property
    def open_donations(self) -> int:
        return sum(fund.lots for (program, _), fund in self._funds.items() if program not in self.not_replayed)

    def sources_of(self, payment: str) -> list[tuple[str, int, str]]:
        """Donation, amount and currency of what a disbursement that has not come back was paid by, the oldest first.

        Empty if there is none such, or if the lots of its program could not be followed up to it.
        """
        parts = sorted(parts_of(self._payments.get(payment, ())))
        return [(part.lot.id, part.amount, part.lot.fund[1]) for part in parts]

    def enter(self, block: Block) -> None:
        """Raises NotVerifiedError for money that no lot it may come from holds."""
        movement = block.movement
        if movement is None:
            return
        terms = _Terms._make(movement.terms[:_TERMS])
        place = terms.program, terms.currency
        fund, is_followed = self._funds[place], terms.program not in self.not_replayed
        match terms.kind:
            case "donation":
                name = block.transaction_id
                lot = Lot(name, block.block_index, terms.second, terms.first, place, movement.amount)
                self._known[name] = lot
                fund.put(((lot.earmark, Part(lot.age, movement.amount, lot)),))
            case "refund":
                self._refund(fund, movement, terms, is_followed=is_followed)
            case "disbursement" if not is_followed:
                if movement.step not in {SENT, COMPLETED}:
                    # To which lots it came back is not known, but that it did. They stay known: refunds name them.
                    fund.put(self._payments.pop(movement.payment, ()))
            case _ if not is_followed:
                pass
            case "commitment":
                self._commit(block.block_index, fund, movement, terms)
            case "decommitment":
                self._release(block.block_index, fund, movement, terms)
            case _:
                self._pay(movement)

    def _commit(self, index: int, fund: Fund, movement: Movement, terms: _Terms) -> None:
        award, beneficiary = terms.first, terms.second
        own: set[str] = set()
        possible: set[str] = set()
        if fund.has_earmarks:
            purposes = self._purposes()
            application = purposes.application_of(award, beneficiary)
            own = {award, beneficiary, application or award}
            if application is None:
                possible = fund.possible(purposes.may_be_an_application)
        held = fund.held([*own, NO_EARMARK])
        if possible and held + max(fund.held([each]) for each in possible) >= movement.amount:
            reason = f"award {award} has no decision and may be for {min(possible)}, which a donation is earmarked for"
            self._stop(index, terms, reason)
            return
        if held < movement.amount:
            raise NotVerifiedError(
                f"lots: {movement.amount - held} of the {movement.amount} (in the smallest unit) for award {award}"
                " would come from donations that are earmarked for something else"
            )
        shares = self._shares[movement.target, movement.currency]
        earmarked = min(movement.amount, fund.held(own))
        if earmarked:
            shares.put(fund.take(earmarked, own))
        if earmarked < movement.amount:
            shares.put(fund.take(movement.amount - earmarked, [NO_EARMARK]))

    def _release(self, index: int, fund: Fund, movement: Movement, terms: _Terms) -> None:
        account = movement.source, movement.currency
        shares = self._shares[account]
        if movement.amount < shares.amount and shares.lots > 1:
            reason = f"a part of award {terms.first} is released, and nothing says of which lots"
            self._stop(index, terms, reason)
            return
        fund.put(shares.take(movement.amount))
        self._forget_empty(account)

    def _pay(self, movement: Movement) -> None:
        if movement.step == COMPLETED:
            return
        if movement.step != SENT:
            self._shares[movement.target, movement.currency].put(self._payments.pop(movement.payment))
            return
        account = movement.source, movement.currency
        self._payments[movement.payment] = self._shares[account].take(movement.amount)
        self._forget_empty(account)

    def _forget_empty(self, account: tuple[str, str]) -> None:
        if self._shares[account].is_empty:
            del self._shares[account]

    def _refund(self, fund: Fund, movement: Movement, terms: _Terms, *, is_followed: bool) -> None:
        if movement.step == COMPLETED:
            del self._refunds[movement.payment]
            return
        if movement.step != SENT:
            found = self._refunds.pop(movement.payment)
            found.kept += movement.amount
            fund.put(((found.earmark, Part(found.age, movement.amount, found)),))
            return
        lot = self._known.get(terms.first)
        if is_followed:
            lot = self._check_refund(lot, movement, terms)
            fund.take_of(lot, movement.amount)
        else:
            lot = _check_unfollowed_refund(lot, movement, terms)
        lot.kept -= movement.amount
        self._refunds[movement.payment] = lot

    def _check_refund(self, lot: Lot | None, movement: Movement, terms: _Terms) -> Lot:
        # A program whose lots are not followed any further has none to speak of.
        left = 0 if lot is None or lot.fund[0] in self.not_replayed else self._funds[lot.fund].amount_of(lot)
        if lot is None or not left:
            raise NotVerifiedError(f"lots: donation {terms.first} has nothing left to refund, if there is one")
        require(lot.donor == terms.second, f"lots: donation {lot.id} is another donor's")
        require(lot.fund == (terms.program, terms.currency), f"lots: donation {lot.id} was for another program")
        require(
            movement.amount <= left,
            f"lots: donation {lot.id} has {left} left, not {movement.amount} (in the smallest unit)",
        )
        return lot

    def _stop(self, index: int, terms: _Terms, reason: str) -> None:
        self.not_replayed[terms.program] = f"from block {index} on, for {reason}"


def _check_unfollowed_refund(lot: Lot | None, movement: Movement, terms: _Terms) -> Lot:
    """Where the money is cannot be told, but no more of a donation comes back than was given."""
    if lot is None:
        raise NotVerifiedError(f"refund: no donation {terms.first} of which anything is left")
    require(lot.donor == terms.second, f"refund: donation {lot.id} is another donor's")
    require(lot.fund == (terms.program, terms.currency), f"refund: donation {lot.id} was for another program")
    require(
        movement.amount <= lot.kept,
        f"refund: of donation {lot.id} {lot.kept} are not refunded, not {movement.amount} (in the smallest unit)",
    )
    return lot
