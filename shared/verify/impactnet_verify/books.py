"""The books, kept anew from the blocks: balances of accounts, whose awards are, payments, tranches and steps."""

from collections import defaultdict
from hashlib import sha256
from typing import Final

from impactnet_verify.blocks import TERMS, Movement
from impactnet_verify.failures import NotVerifiedError
from impactnet_verify.shapes import CURRENCIES

_NEVER_NEGATIVE: Final = "program:"
_REVERSED_TERMS: Final = 1 + len(TERMS["reversal"][1])
# Among the terms of these kinds: the award, and behind it its beneficiary and program.
_OF_AWARDS: Final = frozenset(TERMS[name][0] for name in ("commitment", "decommitment", "disbursement"))
_AWARD: Final = 1 + TERMS["commitment"][1].index("award_id")
_PAID: Final = TERMS["disbursement"][0]
_TRANCHE: Final = 1 + TERMS["disbursement"][1].index("tranche_id")

SENT: Final = "sent"
COMPLETED: Final = "completed"


class Books:
    """Holds one number per account, and what is known of a payment until nothing can follow any more."""

    def __init__(self) -> None:
        self.balances: dict[str, defaultdict[str, int]] = {currency: defaultdict(int) for currency in CURRENCIES}
        self._sent: dict[str, tuple[str, ...]] = {}
        self._awards: dict[str, tuple[str, ...]] = {}  # beneficiary and program
        # A disbursement can come back for ever: its id, a hash of its terms, and its tranche stay.
        self._paid: dict[str, tuple[bytes, str]] = {}
        self._payment_of: dict[str, str] = {}  # by tranche, while it is under way or has arrived

    def enter(self, movement: Movement) -> None:
        """Raises NotVerifiedError unless the money is there, for its award and tranche, and each step in order."""
        if movement.payment:
            self._follow(movement)
        if movement.terms[0] in _OF_AWARDS:
            self._check_award(movement.terms)
        accounts = self.balances[movement.currency]
        left = accounts[movement.source] - movement.amount
        if left < 0 and movement.source.startswith(_NEVER_NEGATIVE):
            raise NotVerifiedError(
                f"balances: {movement.source} would fall below zero (to {left} of the smallest unit)"
            )
        accounts[movement.source] = left
        accounts[movement.target] += movement.amount

    def _check_award(self, terms: tuple[str, ...]) -> None:
        """An award's first block is its commitment: no other has anything to move."""
        award, whose = terms[_AWARD], terms[_AWARD + 1 : _REVERSED_TERMS]
        first = self._awards.setdefault(award, whose)
        if first != whose:
            one, other = (f"{beneficiary}'s in program {program}" for beneficiary, program in (first, whose))
            raise NotVerifiedError(f"award: {award} is {one}, not {other}")

    def _follow(self, movement: Movement) -> None:
        payment, step = movement.payment, movement.step
        if step == SENT:
            if payment in self._sent or payment in self._paid:
                raise NotVerifiedError(f"step: {payment} was sent before")
            if movement.terms[0] == _PAID:
                self._begin(movement)
            self._sent[payment] = movement.terms
        elif step:
            terms = self._sent.pop(payment, None)
            if terms is None:
                raise NotVerifiedError(f"step: {payment} is {step}, but is not under way")
            if terms != movement.terms:
                raise NotVerifiedError(f"step: {payment} is {step} on other terms than it was sent")
            if terms[0] == _PAID:
                self._end(movement)
        else:
            self._reverse(movement)

    def _begin(self, movement: Movement) -> None:
        """A tranche is paid once: anew only when what was sent before has failed or come back."""
        tranche = movement.terms[_TRANCHE]
        first = self._payment_of.setdefault(tranche, movement.payment)
        if first != movement.payment:
            raise NotVerifiedError(f"tranche: {tranche} is paid by {first} already, not by {movement.payment} too")

    def _end(self, movement: Movement) -> None:
        terms = movement.terms
        if movement.step == COMPLETED:
            self._paid[movement.payment] = _digest(terms), terms[_TRANCHE]
        else:
            del self._payment_of[terms[_TRANCHE]]

    def _reverse(self, movement: Movement) -> None:
        payment = movement.payment
        digest, tranche = self._paid.pop(payment, (None, ""))
        if digest is None:
            raise NotVerifiedError(f"step: {payment} is reversed, but is not a completed disbursement")
        if digest != _digest(movement.terms):
            raise NotVerifiedError(f"step: {payment} is reversed on other terms than it was paid")
        del self._payment_of[tranche]

    @property
    def payments_under_way(self) -> int:
        return len(self._sent)


def _digest(terms: tuple[str, ...]) -> bytes:
    return sha256("\0".join(terms[:_REVERSED_TERMS]).encode()).digest()
