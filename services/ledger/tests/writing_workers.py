"""Two workers on one database, each behind a line that can be cut, and the facts that are said to them."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import asyncpg
from pydantic import SecretStr
from services.ledger.tests.cut_line import CutLine, Fault, cut_line
from services.ledger.tests.scenario import Scenario
from services.ledger.tests.writer_model import Effect, Model, Snapshot

from chassis.clock import SystemClock
from chassis.consumer import ConsumerRunner
from chassis.database import Database, database_is_away
from chassis.ids import new_id
from chassis.personal_data import Vault
from chassis.service import Foundation
from chassis.testing.harness import running_service
from chassis.understanding import Received
from contracts.applications import AwardProposed
from contracts.envelope import Event
from contracts.fact import Fact
from contracts.programs import ProgramCreated
from contracts.topics import topic_of
from ledger.adapters.verification_parts import make_verifier
from ledger.bootstrap import SERVICE
from ledger.settings import LedgerSettings

# More than all awards of all examples together: who is refused for want of money is tested elsewhere.
FUNDS = "900000.00"
# A retry that does not end is a bug, not a busy machine.
ROUNDS_MAX = 100


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker process as the ledger's own: what it believes of the head is its alone."""

    name: str
    database: Database
    runner: ConsumerRunner
    line: CutLine

    async def hand_over(self, events: Sequence[Event]) -> bool:
        """As one poll of Kafka; False when it was not handled and so is not acknowledged."""
        received = [Received(event.to_bytes(), (topic_of(event.context), 0, at)) for at, event in enumerate(events)]
        try:
            await self.runner.handle_all(received)
        except asyncio.CancelledError:
            return False
        except Exception as error:
            if not database_is_away(error):
                raise
            return False
        return True


class Ground:
    """One ledger with one rich programme; a test starts workers on it and looks at all of it after each step."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self.urls = urls
        self.program_id, self.applicant, self.admin = new_id(), new_id(), new_id()
        self._stack = AsyncExitStack()
        self._workers = 0

    async def open(self) -> None:
        async with running_service(SERVICE, self.urls) as service:
            scenario = Scenario(service, self.urls, self.program_id, self.applicant, self.admin, new_id())
            await scenario.create_program()
            await scenario.donate(FUNDS)
            await scenario.set_account()
        url = self.urls["admin"].replace("postgresql+asyncpg", "postgresql")
        self._looking: asyncpg.Connection = await asyncpg.connect(url, server_settings={"search_path": "ledger"})

    async def close(self) -> None:
        await self._looking.close()

    async def look(self) -> Snapshot:
        return await Snapshot.read(self._looking)

    async def all_is_due(self) -> None:
        await self._looking.execute("UPDATE parked_events SET due_at = now()")

    async def wait_until_quiet(self, worker: Worker) -> None:
        """Until the server is done with what the worker said last, which it may be after the worker is gone."""
        busy = (
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1"
            " AND state <> 'idle'"
        )
        while await self._looking.fetch(busy, worker.name):  # noqa: ASYNC110 -- the server sends no event of this
            await asyncio.sleep(0.01)

    async def start_worker(self, stack: AsyncExitStack) -> Worker:
        """A new process, as far as the ledger can tell."""
        self._workers += 1
        line, url = await stack.enter_async_context(cut_line(self.urls["ledger_worker"]))
        configured = LedgerSettings(worker_database_url=SecretStr(url))
        database = Database(url, application_name=f"writer-{self._workers}")
        stack.push_async_callback(database.close)
        parts = SERVICE.build(Foundation(configured, database, SystemClock(), Vault(configured.master_key)))
        runner = ConsumerRunner(configured, database, parts.subscriptions)
        return Worker(f"writer-{self._workers}", database, runner, line)

    async def verify(self, worker: Worker) -> None:
        """As `python -m ledger verify`."""
        outcome = await make_verifier(LedgerSettings(), worker.database).verify()
        assert outcome.ok, outcome.findings


class Facts:
    """Makes facts and says what each has to leave behind. Those about one aggregate are numbered in their order."""

    def __init__(self, ground: Ground, model: Model) -> None:
        self._ground = ground
        self._model = model
        self._sequences: dict[str, int] = {}
        # Awards that may yet be cancelled or paid.
        self.open_awards: list[AwardProposed] = []

    def make(self, kind: str, amount: int) -> list[Event]:
        """One fact of a kind; an award too, where there is none to cancel or pay."""
        if kind == "program":
            return [self.program(new_id())]
        if kind == "decision":
            return [self.decision()]
        if kind == "award":
            return [self.award(amount)]
        first = [] if self.open_awards else [self.award(amount)]
        award = self.open_awards.pop(0)
        return [*first, self.cancellation(award) if kind == "cancellation" else self.approval(award)]

    def program(self, program_id: UUID) -> Event:
        event = self._event(ProgramCreated(program_id=program_id, currency="NGN"))
        return self._model.expect(event, Effect("program_create", str(event.id)))

    def decision(self) -> Event:
        # By one who is known: such a fact alone is written in one statement (`at_once`), with its own ways to break.
        fact = self._scenario.rejection().model_copy(update={"decider_id": self._scenario.admin})
        event = self._event(fact)
        return self._model.expect(event, Effect("decision", str(event.id)))

    def award(self, amount: int) -> Event:
        fact = self._scenario.award(f"{amount}.00")
        self.open_awards.append(fact)
        event = self._event(fact)
        return self._model.expect(event, Effect("commitment", str(event.id), self._moves(fact, "available", -1)))

    def award_of_a_programme_without_money(self, program_id: UUID) -> Event:
        fact = self._scenario.award("1.00").model_copy(update={"program_id": program_id})
        return self._model.expect(self._event(fact), Effect(None, str(fact.award_id)))

    def cancellation(self, award: AwardProposed) -> Event:
        event = self._event(self._scenario.cancellation(award))
        return self._model.expect(event, Effect("decommitment", str(event.id), self._moves(award, "available", 1)))

    def approval(self, award: AwardProposed) -> Event:
        event = self._event(self._scenario.approval(award))
        key = str(award.tranches[0].tranche_id)
        return self._model.expect(event, Effect("disbursement", key, self._moves(award, "clearing", 1)))

    @property
    def _scenario(self) -> Scenario:
        # Only for the shapes of its facts: nothing runs behind it.
        ground = self._ground
        return Scenario(None, ground.urls, ground.program_id, ground.applicant, ground.admin, new_id())  # type: ignore[arg-type]  # see above

    def _moves(self, award: AwardProposed, other: str, sign: int) -> dict[str, Decimal]:
        """From what is committed to the other account, or back."""
        program, amount = f"program:{award.program_id}", Decimal(award.amount) * sign
        target = "bank:clearing" if other == "clearing" else f"{program}:available"
        return {target: amount, f"{program}:committed:{award.award_id}": -amount}

    def _event(self, fact: Fact) -> Event:
        subject = fact.subject()
        self._sequences[subject] = self._sequences.get(subject, 0) + 1
        return Event.of(fact, event_id=new_id(), time=SystemClock().now(), sequence=self._sequences[subject])


def shuffled(events: Sequence[Event], seed: int) -> list[Event]:
    """In another order, but for each aggregate its own: that is what Kafka keeps."""
    mixed = list(events)
    random.Random(seed).shuffle(mixed)  # noqa: S311 -- chance that can be repeated, no secret
    return sorted(mixed, key=lambda event: event.sequence)


def contradiction_of(event: Event) -> Event:
    """The same id, another content."""
    return event.model_copy(update={"correlationid": str(new_id())})


async def meet_fault(
    ground: Ground, worker: Worker, events: Sequence[Event], position: int, fault: Fault, *, words: bytes = b""
) -> tuple[bool, bool]:
    """Hand over while the n-th thing said (with these words in it) meets a fault: whether it was acknowledged, and
    whether it met the fault.
    """
    task = asyncio.ensure_future(worker.hand_over(events))
    worker.line.set_trap(position, fault, task.cancel, words)
    try:
        acknowledged = await task
    except asyncio.CancelledError:
        acknowledged = False
    met = worker.line.release()
    await ground.wait_until_quiet(worker)
    return acknowledged, met


async def hand_over_until_done(worker: Worker, events: Sequence[Event]) -> None:
    for _ in range(ROUNDS_MAX):
        if await worker.hand_over(events):
            return
    raise AssertionError("never handled")


async def settle(ground: Ground, worker: Worker) -> None:
    """What waits is tried until nothing waits."""
    for _ in range(ROUNDS_MAX):
        await ground.all_is_due()
        if not (await ground.look()).waiting:
            return
        while await worker.runner.retry_one_parked():
            pass
    raise AssertionError("events still wait")
