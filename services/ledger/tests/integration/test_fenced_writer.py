"""The fenced writer against a model: whatever comes again, in another order, or breaks at whatever call."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from services.ledger.tests.cut_line import Fault
from services.ledger.tests.writer_model import Model
from services.ledger.tests.writing_workers import (
    Facts,
    Ground,
    Worker,
    contradiction_of,
    hand_over_until_done,
    meet_fault,
    settle,
    shuffled,
)

from chassis.ids import new_id
from contracts.envelope import Event

KINDS = ("program", "award", "cancellation", "approval", "decision")
# A batch of some events says about thirty things to the database, a first one with its handshake forty.
CALLS = st.integers(1, 45)
# How long one worker may be ahead of a held one: past two seconds it ends the other's session, which has a test of
# its own (`test_batches.py`) and would cost two seconds each time.
AHEAD_SECONDS = 0.3

# New facts by kind and amount; which of the old ones come again; the order.
Said = tuple[list[tuple[str, int]], list[int], int]

batches = st.tuples(
    st.lists(st.tuples(st.sampled_from(KINDS), st.integers(1, 9)), min_size=1, max_size=4),
    st.lists(st.integers(0, 1000), max_size=4),
    st.integers(0, 1000),
)
writers = st.integers(0, 1)


class FencedWriter(RuleBasedStateMachine):
    """Two workers on one chain that goes on from example to example: what is there before is part of the model."""

    def __init__(self, runner: asyncio.Runner, grounds: Callable[[], Ground], done: Callable[[], None]) -> None:
        super().__init__()
        self._runner = runner
        self._ground = grounds()
        self._done = done
        self._is_sound = False
        self._stack = AsyncExitStack()

    @initialize()
    def begin(self) -> None:
        self._runner.run(self._begin())

    async def _begin(self) -> None:
        self._model = Model(await self._ground.look())
        self._facts = Facts(self._ground, self._model)
        self._workers = [await self._ground.start_worker(self._stack) for _ in range(2)]
        self._is_sound = True

    @rule(who=writers, said=batches)
    def deliver(self, who: int, said: Said) -> None:
        """New ones and old ones, some twice in the one batch."""
        self._step(self._deliver(self._workers[who], self._batch(said)), self._workers[who])

    @rule(who=writers, said=batches, call=CALLS)
    def lose_the_connection(self, who: int, said: Said, call: int) -> None:
        """The worker lives on, rolled back, and believes what it believed."""
        self._break_down(self._workers[who], self._batch(said), call, Fault.LOST)

    @rule(who=writers, said=batches, call=CALLS)
    def lose_the_answer(self, who: int, said: Said, call: int) -> None:
        """If it was the commit's, all is there and the worker does not know."""
        self._break_down(self._workers[who], self._batch(said), call, Fault.UNANSWERED)

    @rule(who=writers, said=batches, call=CALLS)
    def be_cancelled(self, who: int, said: Said, call: int) -> None:
        """As when the process is told to stop."""
        self._break_down(self._workers[who], self._batch(said), call, Fault.CANCELLED)

    @rule(who=writers, said=batches, call=CALLS)
    def overtake(self, who: int, said: Said, call: int) -> None:
        """One worker stands still in mid-batch, and the other one handles the same batch meanwhile."""
        self._step(self._overtake(self._workers[who], self._workers[1 - who], self._batch(said), call), None)

    @rule(said=batches)
    def write_both(self, said: Said) -> None:
        """The same batch at two workers at once, as when Kafka takes partitions from one that is still at work."""
        self._step(self._write_both(self._batch(said)), None)

    @rule(who=writers, which=st.integers(0, 1000), with_itself=st.booleans())
    def contradict(self, who: int, which: int, *, with_itself: bool) -> None:
        """An event under the id of another one: never a second block, and never silent."""
        batch = [self._facts.decision()] if with_itself else []
        known = batch or [event for event in self._model.said if event.id in self._model.acknowledged]
        if known:
            batch.append(contradiction_of(known[which % len(known)]))
            self._step(self._contradict(self._workers[who], batch), self._workers[who])

    @rule(who=writers, other=writers)
    def come_too_early(self, who: int, other: int) -> None:
        """An award before its programme, which is of another aggregate and so comes in any order."""
        program_id = new_id()
        award = self._facts.award_of_a_programme_without_money(program_id)
        self._step(self._deliver(self._workers[who], [award]), self._workers[who])
        self._step(self._deliver(self._workers[other], [self._facts.program(program_id)]), self._workers[other])

    @rule(who=writers, is_new=st.booleans())
    def retry(self, who: int, *, is_new: bool) -> None:
        """What waits, and what nobody acknowledged; by the same process or by one that takes its place."""
        if is_new:
            self._workers[who] = self._runner.run(self._ground.start_worker(self._stack))
        self._step(self._catch_up(self._workers[who]), self._workers[who])

    @precondition(lambda self: self._model.said)
    @rule(who=writers)
    def replay(self, who: int) -> None:
        """Everything from the start."""
        self._step(self._deliver(self._workers[who], list(self._model.said)), self._workers[who])

    def teardown(self) -> None:
        async def end() -> None:
            try:
                if self._is_sound:
                    await self._catch_up(self._workers[0])
                    now = await self._ground.look()
                    self._model.check(now)
                    assert not now.waiting | self._model.in_doubt
            finally:
                await self._stack.aclose()

        self._runner.run(end())
        if self._is_sound:
            self._done()

    def _batch(self, said: Said) -> list[Event]:
        """Never a later event of an aggregate before an earlier one: Kafka delivers what is owed first."""
        new, again, seed = said
        made = [event for kind, amount in new for event in self._facts.make(kind, amount)]
        known = [*self._model.said, *made]
        old = [known[number % len(known)] for number in again] if known else []
        return shuffled([*self._model.owed, *made, *old], seed)

    def _step(self, step: object, writer: Worker | None) -> None:
        async def run() -> None:
            await step  # type: ignore[misc]  # a coroutine, whatever it gives
            self._model.check(await self._ground.look(), None if writer is None else writer.name)

        self._is_sound = False
        self._runner.run(run())
        self._is_sound = True

    async def _deliver(self, worker: Worker, batch: list[Event]) -> None:
        await hand_over_until_done(worker, batch)
        self._model.say(batch, is_acknowledged=True)

    def _break_down(self, worker: Worker, batch: list[Event], call: int, fault: Fault) -> None:
        async def break_down() -> None:
            acknowledged, _ = await meet_fault(self._ground, worker, batch, call, fault)
            self._model.say(batch, is_acknowledged=acknowledged)

        self._step(break_down(), worker)

    async def _overtake(self, slow: Worker, fast: Worker, batch: list[Event], call: int) -> None:
        slow.line.set_trap(call, Fault.HELD)
        held = asyncio.create_task(hand_over_until_done(slow, batch))
        reached = asyncio.create_task(slow.line.reached.wait())
        await asyncio.wait({held, reached}, return_when=asyncio.FIRST_COMPLETED)
        ahead = asyncio.create_task(hand_over_until_done(fast, batch))
        await asyncio.wait({ahead}, timeout=AHEAD_SECONDS)
        slow.line.release()
        reached.cancel()
        await asyncio.gather(held, ahead)
        self._model.say(batch, is_acknowledged=True)

    async def _write_both(self, batch: list[Event]) -> None:
        await asyncio.gather(*(hand_over_until_done(worker, batch) for worker in self._workers))
        self._model.say(batch, is_acknowledged=True)

    async def _contradict(self, worker: Worker, batch: list[Event]) -> None:
        await hand_over_until_done(worker, batch)
        self._model.say(batch[:-1], is_acknowledged=True)
        self._model.contradicted.append(batch[-1].id)

    async def _catch_up(self, worker: Worker) -> None:
        await self._deliver(worker, self._model.owed)
        await settle(self._ground, worker)


GroundOf = tuple[asyncio.Runner, Callable[..., Ground]]


# The chain goes on while examples pass: each brings its own facts, and its model begins with what it finds. A copy of
# the template for each would cost half of the test's time. After one that failed, the next begins on a fresh copy.
@pytest.fixture
def ground_of(
    fresh_database: Callable[[str], dict[str, str]],
) -> Iterator[tuple[asyncio.Runner, Callable[..., Ground]]]:
    made: list[Ground] = []
    with asyncio.Runner() as runner:

        def ground(*, anew: bool = False) -> Ground:
            if anew or not made:
                opened = Ground(fresh_database("ledger"))
                runner.run(opened.open())
                made.append(opened)
            return made[-1]

        yield runner, ground
        for each in made:
            runner.run(each.close())


# Enough for every rule and every fault in the first, middle and last part of a batch; more would cost more than the
# rest of this service's tests. Always the same ones: what fails here fails everywhere.
PROFILE = settings(
    max_examples=12,
    stateful_step_count=12,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],  # to make a dozen steps fewer takes minutes of a database, to read them one
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],  # a step is a transaction or two, on a machine that is busy
)


def test_whatever_comes_and_breaks_every_event_has_its_one_block_and_the_chain_is_whole(ground_of):
    runner, ground = ground_of
    failed = False

    def next_ground() -> Ground:
        nonlocal failed
        found = ground(anew=failed)
        failed = True
        return found

    def done() -> None:
        nonlocal failed
        failed = False

    def machine() -> FencedWriter:
        return FencedWriter(runner, next_ground, done)

    run_state_machine_as_test(machine, settings=PROFILE)  # type: ignore[arg-type]  # takes what makes one, too

    last = ground()

    async def verify() -> None:
        async with AsyncExitStack() as stack:
            await last.verify(await last.start_worker(stack))

    runner.run(verify())


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.UNANSWERED, Fault.CANCELLED])
def test_a_batch_that_breaks_at_any_of_its_calls_is_there_whole_or_not_at_all(ground_of, fault):
    """Call by call, by two writers in turn, until a batch of each goes through; who was rolled back goes on."""
    runner, ground_now = ground_of
    ground = ground_now()

    async def break_at_each_call() -> tuple[int, int]:
        handed_on: set[UUID] = set()
        async with AsyncExitStack() as stack:
            workers = [await ground.start_worker(stack) for _ in range(2)]
            model = Model(await ground.look())
            facts = Facts(ground, model)

            async def meet(worker: Worker, position: int, words: bytes = b"") -> tuple[bool, bool]:
                """Whether the batch met the fault, and whether it was kept though nobody was told."""
                batch = [event for kind in ("program", "award", "approval") for event in facts.make(kind, 1)]
                said = [*batch, *model.said[:1], batch[0]]
                acknowledged, met = await meet_fault(ground, worker, said, position, fault, words=words)
                model.say(batch, is_acknowledged=acknowledged)
                model.check(await ground.look())
                assert handed_on <= model.done, "acknowledged the second time"
                there = {event.id for event in batch} & model.done
                assert len(there) in {0, len(batch)}, f"{fault} at call {position}: a part"
                await hand_over_until_done(worker, batch)
                model.say(batch, is_acknowledged=True)
                handed_on.clear()
                handed_on.update(event.id for event in batch)
                return met, bool(there) and not acknowledged

            # Both writers meet the fault at the same place before the next: one may have a little more to say.
            whole: set[int] = set()
            call = 0
            while len(whole) < len(workers):
                call += 1
                assert call < 200, "no end"
                for who, worker in enumerate(workers):
                    met, _ = await meet(worker, call)
                    if not met:
                        whole.add(who)
            # A statement is understood before it is first said, so no number is surely that of the commit.
            kept_unsaid = 0
            for worker in workers:
                met, is_kept_unsaid = await meet(worker, 1, b"COMMIT")
                assert met
                kept_unsaid += is_kept_unsaid
            model.check(await ground.look())
            assert handed_on <= model.done
            await ground.verify(workers[0])
            return call, kept_unsaid

    calls, kept_unsaid = runner.run(break_at_each_call())
    # Claim, head, reads, INSERTs, head, outbox, commit: had it said less, the line would not have been in between.
    assert calls > 10
    # A commit that was heard counts though its answer was lost; what was never heard never does.
    assert kept_unsaid in {Fault.LOST: {0}, Fault.UNANSWERED: {2}, Fault.CANCELLED: {0, 1, 2}}[fault]
