"""The only file that knows all of the ledger's concrete parts."""

from chassis.service import Foundation, Parts, Service
from chassis.subscriptions import Subscriptions
from chassis.timers import Timer
from ledger.adapters.beneficiary_reading import BeneficiaryShelf
from ledger.adapters.books import PostgresBooksOpener
from ledger.adapters.chain import Writer
from ledger.adapters.chain_reading import ChainReader
from ledger.adapters.keys import verifier_keys
from ledger.adapters.manual_rail import ManualRail
from ledger.adapters.public_reading import PublicReader
from ledger.adapters.receipts import ReceiptOffice
from ledger.adapters.sandbox_rail import SandboxRail
from ledger.adapters.tables import metadata
from ledger.adapters.timed_rail import TimedRail
from ledger.adapters.transaction_reading import TransactionReader
from ledger.adapters.verification_log import ChainVerifier
from ledger.api import beneficiaries, blockchain, payees, proofs, refunds, transactions
from ledger.api.dependencies import LedgerWiring
from ledger.api.problems import PROBLEMS
from ledger.consumers import applications, identity, programs
from ledger.consumers.booking import Booking
from ledger.domain.notes import VerifierKey
from ledger.settings import LedgerSettings
from ledger.use_cases.credit_donation import credit_next_donation
from ledger.use_cases.ports import Rail
from ledger.use_cases.settle_payment import settle_next_payment
from ledger.use_cases.settle_refund import settle_next_refund
from ledger.use_cases.verify_chain import Trust

# People wait for a donation or a payment to come through; an index lookup twice a second costs nothing.
MONEY_TIMER_SECONDS = 0.5

# A receipt waits for a checkpoint anyway, which comes every ten seconds.
RECEIPT_TIMER_SECONDS = 1
# New blocks are verified within seconds of being written; each block once.
VERIFY_TIMER_SECONDS = 5


def build(foundation: Foundation) -> Parts:
    """The ledger's parts on a connected database."""
    settings: LedgerSettings = foundation.settings
    open_books = PostgresBooksOpener(foundation.database, foundation.vault, Writer())
    rails: dict[str, Rail] = {
        rail.name: TimedRail(rail, settings.rail_timeout_seconds)
        for rail in (SandboxRail(foundation.database), ManualRail())
    }

    keys = tuple(verifier_keys(settings))
    verifier = ChainVerifier(foundation.database, Trust(keys, settings.origin))
    receipts = ReceiptOffice(foundation.database, settings.public_url)

    async def credit() -> bool:
        async with open_books() as books:
            return await credit_next_donation(books)

    async def settle() -> bool:
        return await settle_next_payment(open_books, rails)

    async def settle_refunds() -> bool:
        return await settle_next_refund(open_books, rails)

    async def verify_growth() -> bool:
        return await verifier.verify_growth("ledger worker")

    return Parts(
        routers=[
            transactions.router,
            refunds.router,
            blockchain.router,
            proofs.router,
            proofs.well_known,
            beneficiaries.router,
            payees.router,
        ],
        problems=PROBLEMS,
        wiring=_wiring(foundation, open_books, keys),
        subscriptions=_subscriptions(Booking(open_books), settings),
        timers=[
            Timer("credit_donations", MONEY_TIMER_SECONDS, credit),
            Timer("settle_payments", MONEY_TIMER_SECONDS, settle),
            Timer("settle_refunds", MONEY_TIMER_SECONDS, settle_refunds),
            Timer("issue_receipts", RECEIPT_TIMER_SECONDS, receipts.issue_next),
            Timer("verify_growth", VERIFY_TIMER_SECONDS, verify_growth),
        ],
    )


def _wiring(foundation: Foundation, open_books: PostgresBooksOpener, keys: tuple[VerifierKey, ...]) -> LedgerWiring:
    return LedgerWiring(
        settings=foundation.settings,
        keys=keys,
        books=open_books.within,
        chain=lambda work: ChainReader(work.connection),
        public=lambda work: PublicReader(work.connection),
        transactions=lambda work: TransactionReader(work, foundation.vault),
        beneficiaries=lambda work: BeneficiaryShelf(work, foundation.vault),
    )


def _subscriptions(booking: Booking, settings: LedgerSettings) -> Subscriptions:
    subscriptions = Subscriptions()
    programs.subscribe(subscriptions, booking)
    applications.subscribe(subscriptions, booking, payment_rail=settings.payment_rail)
    identity.subscribe(subscriptions, booking)
    subscriptions.before_batch(booking.prepare)
    subscriptions.on_duplicate(booking.compare_repeated)
    return subscriptions


SERVICE = Service(
    context="ledger",
    version="0.1.0",
    description="Every naira, provable: double entry, blocks, proofs.",
    settings=LedgerSettings,
    metadata=metadata,
    build=build,
)
