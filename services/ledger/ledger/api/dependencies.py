"""What routers find on the application: ports, opened on the unit of work of the request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from chassis.database import UnitOfWork
from ledger.domain.notes import VerifierKey
from ledger.settings import LedgerSettings
from ledger.use_cases.payment_ports import WebhookSource
from ledger.use_cases.payment_readings import PaymentReading
from ledger.use_cases.ports import Books
from ledger.use_cases.produce_receipt import ReceiptRoom
from ledger.use_cases.reading_ports import ExportSource, MoneyGraph, PublicReading
from ledger.use_cases.readings import Beneficiaries, ChainReading, TransactionReading
from ledger.use_cases.receipt_ports import ReceiptSeries
from ledger.use_cases.statement_ports import StatementWiring
from ledger.use_cases.verification_ports import VerificationReading


@dataclass(frozen=True, slots=True)
class LedgerWiring:
    """The API's parts; each is called with the request's unit of work."""

    settings: LedgerSettings
    keys: tuple[VerifierKey, ...]
    policy: bytes | None
    books: Callable[[UnitOfWork], Books]
    chain: Callable[[UnitOfWork], ChainReading]
    verifications: Callable[[UnitOfWork], VerificationReading]
    public: Callable[[UnitOfWork], PublicReading]
    money: Callable[[UnitOfWork], MoneyGraph]
    exports: ExportSource
    transactions: Callable[[UnitOfWork], TransactionReading]
    beneficiaries: Callable[[UnitOfWork], Beneficiaries]
    receipts: Callable[[UnitOfWork], ReceiptSeries]
    receipt_room: ReceiptRoom
    payments: Callable[[UnitOfWork], PaymentReading]
    webhooks: Mapping[str, WebhookSource]
    reconciliation: StatementWiring


async def _wiring(request: Request) -> LedgerWiring:
    wiring: LedgerWiring = request.app.state.wiring
    return wiring


Wiring = Annotated[LedgerWiring, Depends(_wiring)]
