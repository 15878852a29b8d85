"""Where I am paid: my bank account, encrypted at rest, shown masked."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import StringConstraints

from chassis.api.callers import AuthenticatedCaller
from chassis.api.preconditions import IfMatchHeader, conditional, version_etag
from chassis.api.routing import UnitOfWorkRoute, Work
from chassis.api.values import Answer, Body, CurrencyCode, RecipientName
from ledger.api.answers import PRIVATE, PROBLEM
from ledger.api.dependencies import Wiring
from ledger.domain.records import PayeeAccount
from ledger.domain.refusals import NotFoundError

router = APIRouter(prefix="/api/v1/payees", tags=["payees"], route_class=UnitOfWorkRoute)


class PayeeBody(Body):
    # NIBSS bank codes have three digits, those of newer institutions up to six.
    bank_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{3,6}$")]
    # A NUBAN (CBN, 2011) has ten digits.
    account_number: Annotated[str, StringConstraints(pattern=r"^[0-9]{10}$")]
    account_name: RecipientName
    currency: CurrencyCode = "NGN"


class PayeeAnswer(Answer):
    id: str
    bank_code: str
    account_last4: str
    account_name: str
    currency: str
    version: int


def _answer(account: PayeeAccount) -> PayeeAnswer:
    return PayeeAnswer(
        id=str(account.payee_id),
        bank_code=account.bank_code,
        account_last4=account.last4,
        account_name=account.account_name,
        currency=account.currency,
        version=account.version,
    )


@router.get(
    "/me/",
    response_model=PayeeAnswer,
    responses={404: {"description": "None was given yet.", "content": PROBLEM}},
)
async def read_my_account(request: Request, work: Work, wiring: Wiring, caller: AuthenticatedCaller) -> Response:
    account = await wiring.books(work).people.find_payee(caller.user_id)
    if account is None:
        raise NotFoundError
    body = _answer(account).model_dump_json().encode()
    return conditional(request, body, etag=version_etag(account.version), cache=PRIVATE)


@router.put("/me/")
async def put_my_account(  # noqa: PLR0917 -- FastAPI passes by name
    work: Work,
    wiring: Wiring,
    caller: AuthenticatedCaller,
    if_match: IfMatchHeader,
    body: PayeeBody,
    response: Response,
) -> PayeeAnswer:
    """Payments under way keep the account they began with."""
    account = PayeeAccount(body.bank_code, body.account_number, body.account_name, body.currency, version=0)
    stored = await wiring.books(work).people.put_payee(caller.user_id, account)
    # Writing it has locked the row, and a refusal takes the write back.
    if_match.check(version_etag(stored.version - 1) if stored.version > 1 else None)
    response.headers["ETag"] = version_etag(stored.version)
    return _answer(stored)
