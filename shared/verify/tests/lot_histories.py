"""Logs about lots: several donations, purposes and awards, by short words; and logs made by chance."""

import random
from dataclasses import dataclass, field
from typing import Any

from shared.verify.tests.logs import Log, decision, disbursement, donation, money, refund

PROGRAM = "p1"


def _available(program: str) -> str:
    return f"program:{program}:available"


@dataclass
class History:
    """A log written by what happens; `award` names its beneficiary `b-<award>` unless told."""

    log: Log = field(default_factory=Log)
    program: str = PROGRAM
    _beneficiaries: dict[str, str] = field(default_factory=dict)

    def give(self, gift: str, amount: str, earmark: str | None = None, donor: str = "d1") -> "History":
        ids = {"donor_id": donor, "program_id": self.program}
        data = donation(amount) | ids | money(amount, f"external:donor:{donor}", _available(self.program))
        self.log.add("donation", gift, data if earmark is None else data | {"earmark": earmark})
        return self

    def _ids(self, award: str) -> dict[str, str]:
        return {"award_id": award, "program_id": self.program, "beneficiary_id": self._beneficiaries[award]}

    def _committed(self, award: str) -> str:
        return f"program:{self.program}:committed:{award}"

    def commit(self, award: str, amount: str, beneficiary: str | None = None) -> "History":
        self._beneficiaries.setdefault(award, beneficiary or f"b-{award}")
        movement = money(amount, _available(self.program), self._committed(award))
        self.log.add("commitment", self._next("commit"), self._ids(award) | movement)
        return self

    def release(self, award: str, amount: str) -> "History":
        movement = money(amount, self._committed(award), _available(self.program))
        self.log.add("decommitment", self._next("release"), self._ids(award) | movement)
        return self

    def decide(self, award: str, application: str) -> "History":
        self.log.add("decision", self._next("decision"), decision(award_id=award, application_id=application))
        return self

    def pay(self, payment: str, award: str, amount: str, step: str = "sent") -> "History":
        ids, committed = self._ids(award), self._committed(award)
        beneficiary = f"beneficiary:{ids['beneficiary_id']}"
        if step == "reversed":
            data: dict[str, Any] = {"disbursement_id": payment, "code": "closed"} | money(
                amount, beneficiary, committed
            )
            self.log.add("reversal", f"{payment}:reversed", ids | data)
            return self
        moves = {"sent": (committed, "bank:clearing"), "completed": ("bank:clearing", beneficiary)}
        movement = money(amount, *moves.get(step, ("bank:clearing", committed)))
        self.log.add("disbursement", f"{payment}:{step}", disbursement(payment, step) | ids | movement)
        return self

    def refund(self, payment: str, gift: str, amount: str, step: str = "sent", donor: str = "d1") -> "History":
        available = _available(self.program)
        moves = {"sent": (available, "bank:clearing"), "completed": ("bank:clearing", f"external:donor:{donor}")}
        ids = {"donation_id": gift, "donor_id": donor, "program_id": self.program}
        movement = money(amount, *moves.get(step, ("bank:clearing", available)))
        self.log.add("refund", f"{payment}:{step}", refund(payment, step) | ids | movement)
        return self

    def _next(self, word: str) -> str:
        return f"{word}-{self.log.size}"


def by_chance(seed: int) -> Log:
    """A history in which balances and steps are right, and lots are as chance has it."""
    choice = random.Random(seed)  # noqa: S311 -- the same histories in each run
    history, available, committed = History(), 0, dict.fromkeys(("a1", "a2", "a3", "a4"), 0)
    sent: list[tuple[str, str, int]] = []
    paid: list[tuple[str, str, int]] = []
    back: list[tuple[str, str, int]] = []
    earmarks = [None, None, None, "x1", "x2", "a2", "b-a3", "x9"]
    deeds = ["give", "commit", "commit", "pay", "settle", "reverse", "release", "refund", "decide"]
    for number in range(choice.randrange(6, 30)):
        deed, award, amount = choice.choice(deeds), choice.choice([*committed]), choice.randrange(1, 9)
        if deed == "give" or not available:
            history.give(f"gift-{number}", f"{amount}.00", choice.choice(earmarks))
            available += amount
        elif deed == "commit" and amount <= available:
            history.commit(award, f"{amount}.00", beneficiary=choice.choice([None, None, "b-shared"]))
            available, committed[award] = available - amount, committed[award] + amount
        elif deed == "pay" and amount <= committed[award]:
            history.pay(f"pay-{number}", award, f"{amount}.00")
            committed[award] -= amount
            sent.append((f"pay-{number}", award, amount))
        elif deed == "settle" and sent:
            payment, award, amount = sent.pop(choice.randrange(len(sent)))
            step = choice.choice(["completed", "failed"])
            history.pay(payment, award, f"{amount}.00", step)
            committed[award] += amount if step == "failed" else 0
            paid += [(payment, award, amount)] if step == "completed" else []
        elif deed == "reverse" and paid:
            payment, award, amount = paid.pop(choice.randrange(len(paid)))
            history.pay(payment, award, f"{amount}.00", "reversed")
            committed[award] += amount
        elif deed == "release" and committed[award]:
            amount = committed[award] if choice.random() < 0.8 else min(amount, committed[award])
            history.release(award, f"{amount}.00")
            available, committed[award] = available + amount, committed[award] - amount
        elif deed == "refund" and amount <= available:
            history.refund(f"back-{number}", f"gift-{choice.randrange(number)}", f"{amount}.00")
            available -= amount
            back.append((f"back-{number}", "", amount))
        elif deed == "decide":
            history.decide(award, choice.choice(["x1", "x2"]))
    return history.log
