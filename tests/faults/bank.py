"""People and services that ask a ledger for things, go on asking while it is broken, and write down what they heard."""

import asyncio
import contextlib
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from tests.faults.histories import History

from chassis.ids import new_id
from chassis.testing.token_mint import TokenMint
from contracts.applications import AwardCancelled, AwardProposed, DisbursementApproved, TranchePlan
from contracts.envelope import Event
from contracts.fact import Fact
from contracts.identity import SigningKeysChanged
from contracts.programs import ProgramCreated
from contracts.topics import topic_of
from local_stack.journey.platform import until
from local_stack.stack import LocalStack

ACCOUNT = {"bank_code": "058", "account_number": "0000000001", "account_name": "Amina B", "currency": "NGN"}
# More than all that is promised meanwhile: who is refused is tested elsewhere.
FUNDS = "100000.00"
# Longer than a token of an hour ago; all of a test's requests fit.
TOKEN_SECONDS = 3600
# A broker that is there answers in milliseconds; a stopped one is asked again this often.
BROKER_SECONDS_MAX = 3
PAUSE_SECONDS = 0.2
# Far past any fault of these tests.
PATIENCE_SECONDS = 120

# One statement, so one moment: everything, what is within, and what ever came from outside.
TOTALS = """
SELECT (SELECT sum(balance) FROM ledger.balances) AS everything,
       (SELECT sum(balance) FROM ledger.balances WHERE account NOT LIKE 'external:%') AS inside,
       (SELECT sum((data->>'amount')::numeric) FROM ledger.blocks WHERE transaction_type = 'donation') AS given
"""


class Bank:
    """Everybody around the ledger. What is asked for is asked again, under the same id, until it is acknowledged."""

    def __init__(
        self, stack: LocalStack, history: History, producer: AIOKafkaProducer, http: httpx.AsyncClient
    ) -> None:
        self._stack = stack
        self._history = history
        self._producer = producer
        self._http = http
        self._mint = TokenMint()
        self._sequences: dict[str, int] = {}
        self.program_id, self.applicant, self.donor = new_id(), new_id(), new_id()
        self.is_open = True
        self.acknowledged: set[str] = set()

    async def found(self) -> None:
        """The keys, a programme with money, and an account to pay to."""
        await self._publish(self._event(SigningKeysChanged(keys=self._mint.jwks)))
        await self._say(ProgramCreated(program_id=self.program_id, currency="NGN"))
        await self.donate(FUNDS)

        async def is_rich() -> bool:
            row = await self.query("SELECT count(*) AS lots FROM ledger.lots WHERE program_id = $1", self.program_id)
            return int(row["lots"]) > 0

        # An award that comes before the money is refused, and then has no block: the bank would be waiting for one.
        await until("the programme has its money", is_rich, seconds=PATIENCE_SECONDS)
        await self._ask("PUT", "/payees/me/", self.applicant, "member", ACCOUNT, wanted=200)

    async def donate(self, amount: str = "10.00") -> None:
        """Acknowledged with 201 and an id; its block comes once the bank has said so."""
        body = {"program_id": str(self.program_id), "amount": amount, "currency": "NGN"}
        answer = await self._ask("POST", "/transactions/donations/", self.donor, "admin", body, wanted=201)
        # The ledger gives the id, so nobody can have said it before.
        self._history.tried(answer["id"])
        self._note(answer["id"])

    async def give(self) -> None:
        """Donations without end."""
        while self.is_open:
            await self.donate()
            await asyncio.sleep(PAUSE_SECONDS)

    async def found_programs(self) -> None:
        """The set workload: events that only have to be there, each once."""
        while self.is_open:
            await self._say(ProgramCreated(program_id=new_id(), currency="NGN"))
            await asyncio.sleep(PAUSE_SECONDS)

    async def award(self, number: int) -> None:
        """Awards without end: of three one is cancelled, one paid, one left as it is."""
        while self.is_open:
            award = self._award(f"{1 + number % 5}.00")
            await self._say(award)
            names = ("application_id", "program_id", "user_id", "award_id", "amount", "currency")
            about: dict[str, Any] = {name: getattr(award, name) for name in names}
            if number % 3 == 0:
                ended = about | {"status": "under_review", "cancelled_by": new_id()}
                await self._say(AwardCancelled.model_validate(ended))
            elif number % 3 == 1:
                [tranche] = award.tranches
                two = {"requested_by": new_id(), "approved_by": new_id()}
                paid = about | two | {"status": "approved", "request_id": new_id(), "tranche_id": tranche.tranche_id}
                await self._say(DisbursementApproved.model_validate(paid), f"tranche {tranche.tranche_id}")
            number += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def look(self) -> None:
        """What the API shows, and what all accounts hold, again and again."""
        following = 0
        while self.is_open:
            with contextlib.suppress(httpx.HTTPError):
                answer = await self._http.get(f"/blockchain/chain/?from_index={following}&limit=100")
                items = answer.json()["items"] if answer.status_code == httpx.codes.OK else []
                for block in items:
                    self._history.shown(block["block_index"], block["hash"])
                    following = block["block_index"] + 1
            with contextlib.suppress(
                OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError
            ):
                await self.count()
            await asyncio.sleep(PAUSE_SECONDS)

    async def count(self) -> None:
        """One look at all accounts."""
        row = await self.query(TOTALS)
        self._history.total(row["everything"], row["inside"], row["given"] or Decimal(0))

    async def query(self, statement: str, *arguments: object) -> asyncpg.Record:
        """A superuser's look, on a connection of its own: PostgreSQL is restarted meanwhile."""
        connection = await asyncpg.connect(self._stack.admin_database_url)
        try:
            row = await connection.fetchrow(statement, *arguments)
        finally:
            await connection.close()
        assert row is not None
        return row

    def _award(self, amount: str) -> AwardProposed:
        return AwardProposed(
            application_id=new_id(),
            program_id=self.program_id,
            user_id=self.applicant,
            status="under_review",
            award_id=new_id(),
            decision_id=new_id(),
            decider_id=new_id(),
            amount=amount,
            currency="NGN",
            tranches=[TranchePlan(tranche_id=new_id(), amount=amount, due_on=date(2026, 12, 1))],
        )

    def _event(self, fact: Fact) -> Event:
        subject = fact.subject()
        self._sequences[subject] = self._sequences.get(subject, 0) + 1
        return Event.of(fact, event_id=new_id(), time=datetime.now(UTC), sequence=self._sequences[subject])

    async def _say(self, fact: Fact, block: str | None = None) -> None:
        """Publish as the other services' relays do; acknowledged by the broker. `block` is its event's id, or else."""
        event = self._event(fact)
        self._history.tried(block or str(event.id))
        await self._publish(event)
        self._note(block or str(event.id))

    def _note(self, block: str) -> None:
        self._history.acknowledged(block)
        self.acknowledged.add(block)

    async def _publish(self, event: Event) -> None:
        async def sent() -> bool:
            try:
                await self._producer.send_and_wait(
                    topic_of(event.context), event.to_bytes(), key=event.subject.encode()
                )
            except KafkaError:
                return False
            return True

        await until(f"the broker takes {event.type}", sent, seconds=PATIENCE_SECONDS)

    async def _ask(
        self, method: str, path: str, who: UUID, role: str, body: dict[str, Any], *, wanted: int
    ) -> dict[str, Any]:
        """Ask the API under one key until it says yes."""
        token = self._mint.token(who, role, lifetime_seconds=TOKEN_SECONDS)
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(new_id())}
        said: dict[str, Any] = {}

        async def answered() -> bool:
            try:
                answer = await self._http.request(method, path, json=body, headers=headers)
            except httpx.HTTPError:
                return False
            # 401, 404: keys and programme are on their way to it. 409: the first attempt is still being worked on.
            allowed = (wanted, 401, 404, 409, 500, 502, 503, 504)
            assert answer.status_code in allowed, answer.text
            said.update(answer.json() if answer.status_code == wanted else {})
            return answer.status_code == wanted

        await until(f"{method} {path} is answered", answered, seconds=PATIENCE_SECONDS)
        return said


def new_producer(stack: LocalStack) -> AIOKafkaProducer:
    """Of the other services: what it acknowledges is there; it does not wait long for a broker that is away."""
    return AIOKafkaProducer(
        bootstrap_servers=stack.kafka_bootstrap, acks="all", request_timeout_ms=BROKER_SECONDS_MAX * 1000
    )
