"""Everything about bank statements, put together from the settings."""

from collections.abc import Sequence
from typing import Final

from chassis.database import Database
from chassis.personal_data import Vault
from chassis.timers import Timer
from ledger.adapters.reconciliation_desk import ReconciliationDesk
from ledger.adapters.reconciliation_document import Renderer
from ledger.adapters.statement_files import FileReader
from ledger.adapters.statement_mappings import load_mappings
from ledger.adapters.statement_shelf import PostgresStatementShelf
from ledger.settings import LedgerSettings
from ledger.use_cases.statement_ports import StatementWiring

# Whoever imported a statement looks at what it says soon after; an index lookup this often costs nothing.
RECONCILE_TIMER_SECONDS: Final = 15


class StatementParts:
    def __init__(self, settings: LedgerSettings, database: Database, vault: Vault) -> None:
        accounts = settings.our_bank_accounts()
        self.desk = ReconciliationDesk(
            database,
            accounts,
            window_days=settings.reconciliation_window_days,
            text_days=settings.statement_text_days,
        )
        self.wiring = StatementWiring(
            statements=lambda work: PostgresStatementShelf(work, vault),
            reader=FileReader(accounts, load_mappings(settings.statement_mappings)),
            renderer=Renderer(),
            reconciliations=self.desk,
        )

    @property
    def timers(self) -> Sequence[Timer]:
        return (Timer("reconcile", RECONCILE_TIMER_SECONDS, self.desk.run),)
