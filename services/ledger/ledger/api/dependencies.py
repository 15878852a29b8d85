"""What routers find on the application: ports, opened on the unit of work of the request."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from chassis.database import UnitOfWork
from ledger.domain.notes import VerifierKey
from ledger.settings import LedgerSettings
from ledger.use_cases.ports import Books
from ledger.use_cases.readings import Beneficiaries, ChainReading, PublicReading, TransactionReading


@dataclass(frozen=True, slots=True)
class LedgerWiring:
    """The API's parts; each is called with the request's unit of work."""

    settings: LedgerSettings
    keys: tuple[VerifierKey, ...]
    books: Callable[[UnitOfWork], Books]
    chain: Callable[[UnitOfWork], ChainReading]
    public: Callable[[UnitOfWork], PublicReading]
    transactions: Callable[[UnitOfWork], TransactionReading]
    beneficiaries: Callable[[UnitOfWork], Beneficiaries]


def _wiring(request: Request) -> LedgerWiring:
    wiring: LedgerWiring = request.app.state.wiring
    return wiring


Wiring = Annotated[LedgerWiring, Depends(_wiring)]
