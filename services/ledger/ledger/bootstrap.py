"""The only file that knows all of the ledger's concrete parts."""

from chassis.service import Foundation, Parts, Service
from chassis.subscriptions import Subscriptions
from ledger.adapters.beneficiary_reading import BeneficiaryShelf
from ledger.adapters.books import PostgresBooksOpener
from ledger.adapters.chain import Writer
from ledger.adapters.chain_reading import ChainReader
from ledger.adapters.erasure import ErasureSweep
from ledger.adapters.export_reading import ExportReader
from ledger.adapters.keys import verifier_keys
from ledger.adapters.money_graph import MoneyGraphReader
from ledger.adapters.payment_parts import PaymentParts
from ledger.adapters.payment_reading import PaymentReader
from ledger.adapters.public_reading import PublicReader
from ledger.adapters.receipt_parts import ReceiptParts
from ledger.adapters.statement_parts import StatementParts
from ledger.adapters.tables import metadata
from ledger.adapters.transaction_reading import TransactionReader
from ledger.adapters.verification_parts import VerificationParts
from ledger.adapters.verification_reading import VerificationReader
from ledger.adapters.witness_memory import published_policy
from ledger.api import (
    beneficiaries,
    blockchain,
    confirmations,
    disputes,
    exports,
    integrity,
    payees,
    payments,
    proofs,
    reconciliation,
    refunds,
    transactions,
)
from ledger.api import receipts as receipt_routes
from ledger.api.dependencies import LedgerWiring
from ledger.api.problems import PROBLEMS
from ledger.consumers import applications, identity, programs
from ledger.consumers.booking import Booking
from ledger.domain.notes import VerifierKey
from ledger.settings import LedgerSettings


def build(foundation: Foundation) -> Parts:
    """The ledger's parts on a connected database."""
    settings: LedgerSettings = foundation.settings
    open_books = PostgresBooksOpener(foundation.database, foundation.vault, Writer())
    paying = PaymentParts(settings, foundation.database, open_books)
    keys = tuple(verifier_keys(settings))
    verifying = VerificationParts(settings, foundation.database)
    receipts = ReceiptParts(foundation)
    statements = StatementParts(settings, foundation.database, foundation.vault)

    return Parts(
        routers=[
            transactions.router,
            receipt_routes.router,
            refunds.router,
            reconciliation.router,
            reconciliation.reports,
            confirmations.router,
            disputes.router,
            payments.router,
            payments.webhooks,
            blockchain.router,
            integrity.router,
            exports.router,
            proofs.router,
            proofs.well_known,
            beneficiaries.router,
            payees.router,
        ],
        problems=PROBLEMS,
        wiring=_wiring(foundation, open_books, keys, paying=paying, statements=statements, receipts=receipts),
        subscriptions=_subscriptions(Booking(open_books), settings),
        timers=[
            *paying.timers,
            *receipts.timers,
            *verifying.timers,
            *statements.timers,
            *ErasureSweep(foundation.database, open_books).timers,
        ],
        resources=[*paying.resources, *receipts.resources],
    )


def _wiring(
    foundation: Foundation,
    open_books: PostgresBooksOpener,
    keys: tuple[VerifierKey, ...],
    *,
    paying: PaymentParts,
    statements: StatementParts,
    receipts: ReceiptParts,
) -> LedgerWiring:
    accounts = foundation.settings.our_bank_accounts()
    return LedgerWiring(
        settings=foundation.settings,
        keys=keys,
        policy=published_policy(foundation.settings.witness_policy),
        books=open_books.within,
        chain=lambda work: ChainReader(work.connection),
        verifications=lambda work: VerificationReader(work.connection),
        public=lambda work: PublicReader(work.connection, accounts),
        money=lambda work: MoneyGraphReader(work.connection),
        exports=ExportReader(foundation.database),
        transactions=lambda work: TransactionReader(work, foundation.vault),
        payments=lambda work: PaymentReader(work.connection),
        webhooks=paying.webhooks,
        reconciliation=statements.wiring,
        beneficiaries=lambda work: BeneficiaryShelf(work, foundation.vault),
        receipts=receipts.series,
        receipt_room=receipts.room,
    )


def _subscriptions(booking: Booking, settings: LedgerSettings) -> Subscriptions:
    subscriptions = Subscriptions()
    programs.subscribe(subscriptions, booking)
    applications.subscribe(subscriptions, booking, payment_rail=settings.payment_rail)
    identity.subscribe(subscriptions, booking)
    subscriptions.read_with(booking.read)
    subscriptions.before_batch(booking.prepare)
    subscriptions.assume_with(booking)
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
