"""Asks all witnesses about the newest checkpoint at once, publishes it when a quorum has cosigned it."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from ledger.domain.cosignatures import check_cosignature
from ledger.domain.notes import Note, Signature, parse
from ledger.domain.proofs import plan_consistency
from ledger.domain.refusals import BadNoteError, BadProofError
from ledger.domain.witness_policy import Policy, Witness
from ledger.use_cases.ask_witness import ask_witness
from ledger.use_cases.witness_ports import (
    OpenShelf,
    SignedCheckpoint,
    WitnessClient,
    WitnessFailedError,
    WitnessWatch,
)

# Once there is a quorum the others get this long to be part of the published note: as long as a slow handshake takes.
GRACE_SECONDS: Final = 1.0
# A witness that does not answer is asked less and less often, but a quorum that waits for it does not wait longer.
PAUSE_SECONDS_MAX: Final = 60

# The policy's name of a witness, and its line.
Lines = dict[str, Signature]


class Gathering:
    """Remembers between rounds only how long to leave silent witnesses alone; all else is on the shelf."""

    def __init__(
        self,
        policy: Policy,
        client: WitnessClient,
        open_shelf: OpenShelf,
        watch: WitnessWatch,
        *,
        budget_seconds: float,
        now: Callable[[], int],
    ) -> None:
        """`budget_seconds` bounds a round; `now` gives seconds since 1970."""
        self._policy = policy
        self._client = client
        self._open_shelf = open_shelf
        self._watch = watch
        self._budget_seconds = budget_seconds
        self._now = now
        self._failures: dict[str, int] = {}
        self._pause_until: dict[str, float] = {}
        self.contradicted_by: list[Witness] = []

    async def round(self) -> str | None:
        """The note that was published in this round, with its cosignatures; None when none was.

        Afterwards `contradicted_by` names the witnesses that have seen another or a longer log than ours.
        """
        self.contradicted_by = []
        async with self._open_shelf() as shelf:
            newest = await shelf.newest()
            if newest is None:
                return None
            lines = self._valid(newest, await shelf.cosignatures(newest.checkpoint.size))
            due = [(witness, await shelf.seen_size(witness.key)) for witness in self._due(lines)]
        tasks = self._ask(newest, due)
        try:
            published = None if newest.published else await self._until_published(newest, lines, tasks)
            # Those that were too late for the note are kept too: the next checkpoint builds on what they have seen.
            late = await self._collect(tasks, lambda _: False, {})
            await self._keep(newest, late)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return published

    def _valid(self, newest: SignedCheckpoint, stored: Sequence[Signature]) -> Lines:
        """Stored lines by witnesses of the policy; looked at again, for they come from the database."""
        body = parse(newest.note).text
        lines: Lines = {}
        for witness in self._policy.witnesses:
            for line in stored:
                try:
                    check_cosignature(body, line, witness.key, now=self._now())
                except BadNoteError:
                    continue
                lines[witness.name] = line
        return lines

    def _due(self, lines: Lines) -> list[Witness]:
        moment = time.monotonic()
        return [
            witness
            for witness in self._policy.witnesses
            if witness.url is not None
            and witness.name not in lines
            and self._pause_until.get(witness.name, 0) <= moment
        ]

    def _ask(
        self, newest: SignedCheckpoint, due: Iterable[tuple[Witness, int]]
    ) -> dict[asyncio.Task[Signature | None], Witness]:
        """A task for each witness and the size that it has seen; all of them end within the budget."""
        deadline = asyncio.get_running_loop().time() + self._budget_seconds
        return {asyncio.create_task(self._ask_one(each, newest, seen, deadline)): each for each, seen in due}

    async def _ask_one(
        self, witness: Witness, newest: SignedCheckpoint, seen: int, deadline: float
    ) -> Signature | None:
        began = time.monotonic()

        async def prove(old_size: int) -> Sequence[bytes]:
            return await self._prove(old_size, newest.checkpoint.size)

        try:
            async with asyncio.timeout_at(deadline):
                line = await ask_witness(
                    self._client, witness, newest.note, prove, old_size=min(seen, newest.checkpoint.size), now=self._now
                )
        except TimeoutError:
            self._fail(witness, WitnessFailedError("timeout", f"no answer within {self._budget_seconds:g} s"))
            return None
        except WitnessFailedError as failure:
            self._fail(witness, failure)
            return None
        self._failures.pop(witness.name, None)
        self._watch.cosigned(witness, newest.checkpoint.size, time.monotonic() - began)
        return line

    async def _prove(self, old_size: int, size: int) -> Sequence[bytes]:
        if old_size in (0, size):
            return ()
        plan = plan_consistency(old_size, size)
        async with self._open_shelf() as shelf:
            stored = await shelf.nodes(plan.nodes)
        try:
            return plan.build(stored)
        except BadProofError as error:
            # Our own tree has a hole: the signer's next look at it will say so, and louder.
            raise WitnessFailedError("unprovable", error.detail) from error

    def _fail(self, witness: Witness, failure: WitnessFailedError) -> None:
        count = self._failures[witness.name] = self._failures.get(witness.name, 0) + 1
        # 1, 2, 4 ... seconds: less than a round at first, so that one lost answer costs nothing.
        self._pause_until[witness.name] = time.monotonic() + min(2.0 ** min(count - 1, 10), PAUSE_SECONDS_MAX)
        if failure.outcome in ("ahead", "inconsistent"):
            self.contradicted_by.append(witness)
        self._watch.failed(witness, failure)

    async def _until_published(
        self, newest: SignedCheckpoint, lines: Lines, tasks: dict[asyncio.Task[Signature | None], Witness]
    ) -> str | None:
        """Waits for a quorum and a moment more, keeps what came, and publishes if it is enough."""
        came = await self._collect(tasks, self._policy.is_met_by, lines)
        async with self._open_shelf() as shelf:
            await shelf.keep(newest.checkpoint.size, came.values())
            have = lines | came
            if not self._policy.is_met_by(have):
                return None
            note = _with_lines(newest.note, [have[each.name] for each in self._policy.witnesses if each.name in have])
            return note if await shelf.publish(newest.checkpoint, note) else None

    async def _collect(
        self,
        tasks: dict[asyncio.Task[Signature | None], Witness],
        enough: Callable[[set[str]], bool],
        lines: Lines,
    ) -> Lines:
        """Takes finished tasks out of `tasks`, until there are none or, a grace after `enough`, no more are waited for.

        No deadline of its own: every task has one.
        """
        came: Lines = {}
        grace_until: float | None = None
        loop = asyncio.get_running_loop()
        while tasks:
            if grace_until is None and enough(set(lines) | set(came)):
                grace_until = loop.time() + GRACE_SECONDS
            patience = None if grace_until is None else max(0.0, grace_until - loop.time())
            done, _ = await asyncio.wait(tasks, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                break
            for task in done:
                witness, line = tasks.pop(task), task.result()
                if line is not None:
                    came[witness.name] = line
        return came

    async def _keep(self, newest: SignedCheckpoint, lines: Lines) -> None:
        if lines:
            async with self._open_shelf() as shelf:
                await shelf.keep(newest.checkpoint.size, lines.values())


def _with_lines(note: str, lines: Sequence[Signature]) -> str:
    """The signed note with cosignatures below the log's own signature, in the policy's order."""
    parsed = parse(note)
    return str(Note(parsed.text, (*parsed.signatures, *lines)))
