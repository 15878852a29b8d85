"""Reading a statement as its import does, and the first mistake of one that is refused."""

from datetime import date
from uuid import UUID

import pytest
from services.ledger.tests.statement_samples import ACCOUNT

from chassis.refusals import FieldRefusalError
from ledger.adapters.statement_files import FileReader
from ledger.adapters.statement_mappings import load_mappings
from ledger.domain.bank_accounts import parse_bank_accounts
from ledger.use_cases.statement_ports import ReadingOptions

TODAY = date(2026, 8, 1)
FIRST = UUID("0198c0de-0000-7000-8000-000000000001")
SECOND = UUID("0198c0de-0000-7000-8000-000000000002")
READER = FileReader(parse_bank_accounts([f"{ACCOUNT}:NGN:manual"]), load_mappings(None))


def read(text: str | bytes, file_format="mt940", **options):
    content = text.encode() if isinstance(text, str) else text
    return READER.read(content, file_format, ReadingOptions(**options), today=TODAY)


def refused(text: str | bytes, file_format="mt940", **options) -> tuple[str, str]:
    """(line and field, rule) of the first mistake."""
    with pytest.raises(FieldRefusalError) as caught:
        read(text, file_format, **options)
    assert all(len(part) < 300 for part in caught.value.errors[0]), "a refusal carries no content of the file"
    return caught.value.errors[0][:2]
