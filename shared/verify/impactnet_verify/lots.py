"""Which donation pays for what, replayed from the blocks: first in, first out, earmarked money for its purpose alone.

No block names the lots of a commitment or a payment: they follow from the blocks before it. What follows is kept here
and compared with what the blocks then do, so that money which a donor gave for something else cannot be spent.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Final, NamedTuple

from impactnet_verify.blocks import Block, Movement
from impactnet_verify.books import COMPLETED, SENT
from impactnet_verify.failures import NotVerifiedError, require
from impactnet_verify.lot_queues import NO_EARMARK, Fund, Lot, by_age


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


Links = tuple[tuple[Lot, int], ...]


class Lots:
    """Holds lots with money in them, what awards still have of them, and what each payment came from.

    `not_replayed` says by program why its lots cannot be followed any further: blocks do not always carry enough.
    """

    def __init__(self, purposes: Callable[[], Purposes]) -> None:
        """`purposes` are asked for when it matters, which they do only where donations are earmarked."""
        self.not_replayed: dict[str, str] = {}
        self._purposes = cache(purposes)
        self._funds: dict[tuple[str, str], Fund] = {}  # by program and currency
        self._open: dict[str, Lot] = {}
        self._shares: dict[tuple[str, str], dict[Lot, int]] = {}  # by account and currency
        self._payments: dict[str, Links] = {}
        self._refunds: dict[str, tuple[Lot, int]] = {}  # under way

    @property
    def open_donations(self) -> int:
        return len(self._open)

    def sources_of(self, payment: str) -> list[tuple[str, int, str]]:
        """Donation, amount and currency of what a disbursement that has not come back was paid by, the oldest first.

        Empty if there is none such, or if the lots of its program could not be followed up to it.
        """
        return [(lot.id, amount, lot.fund.currency) for lot, amount in self._payments.get(payment, ())]

    def enter(self, block: Block) -> None:
        """Raises NotVerifiedError for money that no lot it may come from holds."""
        movement = block.movement
        if movement is None:
            return
        terms = _Terms._make(movement.terms[:_TERMS])
        if terms.program in self.not_replayed:
            if terms.kind == "disbursement" and movement.step not in {SENT, COMPLETED}:
                self._payments.pop(movement.payment, None)  # to which lots it came back is not known, but that it did
            return
        fund = self._funds.get((terms.program, terms.currency))
        if fund is None:
            fund = self._funds[terms.program, terms.currency] = Fund(terms.currency)
        match terms.kind:
            case "donation":
                self._open[block.transaction_id] = lot = Lot(
                    block.transaction_id, block.block_index, terms.second, terms.first, movement.amount, fund
                )
                fund.add(lot)
            case "commitment":
                self._commit(block.block_index, fund, movement, terms)
            case "decommitment":
                self._release(block.block_index, fund, movement, terms)
            case "disbursement":
                self._pay(movement)
            case _:
                self._refund(fund, movement, terms)

    def _change(self, lot: Lot, amount: int) -> None:
        lot.fund.change(lot, amount)
        if lot.left:
            self._open[lot.id] = lot
        else:
            # It may be gone: that two donations have one id is told in the end.
            self._open.pop(lot.id, None)

    def _commit(self, index: int, fund: Fund, movement: Movement, terms: _Terms) -> None:
        award, beneficiary = terms.first, terms.second
        own: set[str] = set()
        possible: list[str] = []
        if fund.has_earmarks:
            purposes = self._purposes()
            application = purposes.application_of(award, beneficiary)
            own = {award, beneficiary, application or award}
            if application is None:
                possible = [each for each in fund.earmarks() if purposes.may_be_an_application(each)]
        held = fund.held([*own, NO_EARMARK]) if possible else 0
        if possible and held + max(fund.held([each]) for each in possible) >= movement.amount:
            reason = f"award {award} has no decision and may be for {min(possible)}, which a donation is earmarked for"
            self._stop(index, terms, fund, reason)
            return
        shares = self._shares.setdefault((movement.target, movement.currency), {})
        missing = movement.amount
        for earmarks in (own, (NO_EARMARK,)):
            while missing and (lot := fund.first(earmarks)):
                part = min(lot.left, missing)
                self._change(lot, -part)
                shares[lot] = shares.get(lot, 0) + part
                missing -= part
        if missing:
            raise NotVerifiedError(
                f"lots: {missing} of the {movement.amount} (in the smallest unit) for award {award} would come"
                " from donations that are earmarked for something else"
            )

    def _release(self, index: int, fund: Fund, movement: Movement, terms: _Terms) -> None:
        account = movement.source, movement.currency
        shares = self._shares[account]
        if movement.amount < sum(shares.values()):
            if len(shares) > 1:
                self._stop(
                    index, terms, fund, f"a part of award {terms.first} is released, and nothing says of which lots"
                )
                return
            [lot] = shares
            shares[lot] -= movement.amount
            self._change(lot, movement.amount)
            return
        for lot, amount in self._shares.pop(account).items():
            self._change(lot, amount)

    def _pay(self, movement: Movement) -> None:
        if movement.step == COMPLETED:
            return
        if movement.step != SENT:
            shares = self._shares.setdefault((movement.target, movement.currency), {})
            for lot, amount in self._payments.pop(movement.payment):
                shares[lot] = shares.get(lot, 0) + amount
            return
        account = movement.source, movement.currency
        shares, links, missing = self._shares[account], [], movement.amount
        for lot in sorted(shares, key=by_age):
            part = min(shares[lot], missing)
            links.append((lot, part))
            missing -= part
            shares[lot] -= part
            if not shares[lot]:
                del shares[lot]
            if not missing:
                break
        if not shares:
            del self._shares[account]
        self._payments[movement.payment] = tuple(links)

    def _refund(self, fund: Fund, movement: Movement, terms: _Terms) -> None:
        if movement.step == COMPLETED:
            del self._refunds[movement.payment]
            return
        if movement.step != SENT:
            self._change(*self._refunds.pop(movement.payment))
            return
        found = self._open.get(terms.first)
        if found is None:
            raise NotVerifiedError(f"lots: donation {terms.first} has nothing left to refund, if there is one")
        require(found.donor == terms.second, f"lots: donation {found.id} is another donor's")
        require(found.fund is fund, f"lots: donation {found.id} was for another program")
        require(
            movement.amount <= found.left,
            f"lots: donation {found.id} has {found.left} left, not {movement.amount} (in the smallest unit)",
        )
        self._change(found, -movement.amount)
        self._refunds[movement.payment] = found, movement.amount

    def _stop(self, index: int, terms: _Terms, fund: Fund, reason: str) -> None:
        self.not_replayed[terms.program] = f"from block {index} on, for {reason}"
        for lot in fund.lots():
            self._open.pop(lot.id, None)
