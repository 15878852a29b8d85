"""A history of what was acknowledged and shown while things broke, and the judge that reads it afterwards."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

# Steps of money that is on its way already: nobody asks for them, the ledger's own timers book them.
FOLLOWING_STEPS = ("completed", "failed")


class History:
    """Appends what happens to a file, a JSON object a line. `at` is the seconds since the beginning."""

    def __init__(self, path: Path, clock: Any) -> None:
        self.path = path
        self._clock = clock
        self._begun = clock()

    def note(self, kind: str, **fields: Any) -> None:
        line = {"at": round(self._clock() - self._begun, 3), "kind": kind, **fields}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def tried(self, block: str) -> None:
        """Somebody is about to ask for what makes this block; see `key_of`."""
        self.note("tried", block=block)

    def acknowledged(self, block: str) -> None:
        self.note("acknowledged", block=block)

    def shown(self, index: int, digest: str) -> None:
        """The API showed a block."""
        self.note("shown", index=index, hash=digest)

    def total(self, everything: Decimal, inside: Decimal, given: Decimal) -> None:
        """One look at all accounts: their sum, the sum of those within, and of all blocks that brought money in."""
        self.note("total", everything=str(everything), inside=str(inside), given=str(given))

    def read(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]


@dataclass(frozen=True, slots=True)
class Block:
    """A block as its preimage says it."""

    index: int
    type: str
    transaction_id: str
    previous_hash: str
    hash: str
    nonce: int
    data: dict[str, Any]

    @classmethod
    def of(cls, preimage: bytes) -> "Block":
        said = json.loads(preimage)
        return cls(
            said["block_index"],
            said["transaction_type"],
            said["transaction_id"],
            said["previous_hash"],
            sha256(preimage).hexdigest(),
            said["nonce"],
            said["data"],
        )

    @property
    def key(self) -> str:
        """What was asked for: the event or donation; a payment has an id of the ledger's own, so its tranche."""
        if self.type == "disbursement" and self.data["step"] == "sent":
            return f"tranche {self.data['tranche_id']}"
        return self.transaction_id


def read_dump(dump: str) -> list[Block]:
    """What `python -m ledger dump` wrote."""
    return [Block.of(line.encode()) for line in dump.splitlines()]


def judge(history: Iterable[dict[str, Any]], chain: Sequence[Block]) -> list[str]:
    """Everything about which history and chain disagree, in words; nothing when all is well."""
    lines = list(history)
    return [
        *_links(chain),
        *_acknowledgements(lines, chain),
        *_shown(lines, chain),
        *_totals(lines),
        *_money(lines, chain),
    ]


def _links(chain: Sequence[Block]) -> list[str]:
    found = []
    previous, nonce = "0" * 64, 0
    for position, block in enumerate(chain):
        if block.index != position:
            found.append(f"block {block.index} stands at {position}")
        if block.previous_hash != previous:
            found.append(f"block {position} is not linked to the one before")
        if block.nonce < nonce:
            found.append(f"the epoch falls at block {position}")
        previous, nonce = block.hash, block.nonce
    return found


def _acknowledgements(lines: Sequence[dict[str, Any]], chain: Sequence[Block]) -> list[str]:
    """The set workload: each acknowledged once and only once, and nothing that nobody asked for."""
    tried = {line["block"] for line in lines if line["kind"] == "tried"}
    acknowledged = {line["block"] for line in lines if line["kind"] == "acknowledged"}
    asked_for = [block for block in chain if block.type != "genesis" and block.data.get("step") not in FOLLOWING_STEPS]
    times = Counter(block.key for block in asked_for)
    return [
        *(f"lost: {key} was acknowledged and has no block" for key in sorted(acknowledged - times.keys())),
        *(f"doubled: {key} has {count} blocks" for key, count in sorted(times.items()) if count > 1),
        *(f"out of nowhere: {key}" for key in sorted(times.keys() - tried)),
    ]


def _shown(lines: Sequence[dict[str, Any]], chain: Sequence[Block]) -> list[str]:
    found = []
    for line in lines:
        if line["kind"] == "shown":
            index = line["index"]
            there = chain[index].hash if index < len(chain) else "nothing"
            if there != line["hash"]:
                found.append(f"forgotten: block {index} was shown as {line['hash'][:8]}, now it is {there[:8]}")
    return found


def _totals(lines: Sequence[dict[str, Any]]) -> list[str]:
    """The bank workload: at each look nothing was made and nothing lost."""
    found = []
    for line in lines:
        if line["kind"] == "total":
            if Decimal(line["everything"]) != 0:
                found.append(f"at {line['at']} s all accounts together held {line['everything']}, not nothing")
            if Decimal(line["inside"]) != Decimal(line["given"]):
                found.append(f"at {line['at']} s {line['inside']} was there of {line['given']} given")
    return found


def _money(lines: Sequence[dict[str, Any]], chain: Sequence[Block]) -> list[str]:
    """The blocks' own entries: each balanced, no programme overdrawn at any height, the last total what they say."""
    found = []
    accounts: dict[str, Decimal] = defaultdict(Decimal)
    for block in chain:
        entry = [(each["account"], Decimal(each["amount"])) for each in block.data.get("postings", ())]
        if sum(amount for _, amount in entry) != 0:
            found.append(f"unbalanced: block {block.index}")
        for account, amount in entry:
            accounts[account] += amount
            if account.startswith("program:") and accounts[account] < 0:
                found.append(f"overdrawn: {account} at block {block.index}")
    inside = sum(amount for account, amount in accounts.items() if not account.startswith("external:"))
    last = next((line for line in reversed(lines) if line["kind"] == "total"), None)
    if last is None or Decimal(last["inside"]) != inside:
        found.append(f"the blocks add up to {inside}, the last look saw {last and last['inside']}")
    return found
