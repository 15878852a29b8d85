"""Reads statement files of every format into what is kept."""

from collections.abc import Mapping, Sequence
from datetime import date
from hashlib import sha256
from typing import Final

from chassis.refusals import FieldRefusalError
from ledger.adapters.csv_statements import Period, read_csv
from ledger.adapters.mt940_statements import read_mt940
from ledger.adapters.statement_mappings import StatementMapping
from ledger.domain.bank_accounts import BankAccount
from ledger.domain.bank_statements import STATEMENT_BYTES_MAX, complete, refuse
from ledger.use_cases.statement_ports import ReadFile, ReadingOptions

MT940: Final = "mt940"
CSV: Final = "csv"
STANDARD_MAPPING: Final = "standard"


class FileReader:
    """Keeps `statement_ports.StatementReader`."""

    def __init__(self, accounts: Sequence[BankAccount], mappings: Mapping[str, StatementMapping]) -> None:
        self._accounts = tuple(accounts)
        self._mappings = mappings

    def read(self, content: bytes, file_format: str, options: ReadingOptions, *, today: date) -> ReadFile:
        if len(content) > STATEMENT_BYTES_MAX:
            refuse(1, "file", "file_too_large", f"a statement has at most {STATEMENT_BYTES_MAX} bytes")
        name = None
        if file_format == MT940:
            _refuse_options(options)
            read = read_mt940(content)
        else:
            name = options.mapping or STANDARD_MAPPING
            mapping = self._mapping(name)
            period = Period(options.covers_from, options.covers_to)
            read = read_csv(content, mapping, self._account(options, mapping), period)
        statements = complete(read, self._accounts, today=today)
        return ReadFile(sha256(content).hexdigest(), file_format, name, len(content), statements)

    def _mapping(self, name: str) -> StatementMapping:
        if name not in self._mappings:
            message = f"one of {', '.join(sorted(self._mappings))}"
            raise FieldRefusalError([("mapping", "mapping_unknown", message)])
        return self._mappings[name]

    def _account(self, options: ReadingOptions, mapping: StatementMapping) -> str:
        """Said by the request, else by the mapping, else there is only one."""
        only = self._accounts[0].number if len(self._accounts) == 1 else None
        account = options.account or mapping.account or only
        if account is None:
            raise FieldRefusalError([("account", "account_required", "which of our accounts the file is about")])
        return account


def _refuse_options(options: ReadingOptions) -> None:
    given = [name for name in ("mapping", "account", "covers_from", "covers_to") if getattr(options, name) is not None]
    if given:
        message = "an MT940 file says this itself"
        raise FieldRefusalError([(name, "not_for_mt940", message) for name in given])
