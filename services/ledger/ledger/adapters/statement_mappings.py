"""Named mappings from a bank's CSV columns to a statement: read and checked once, at start."""

import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, model_validator

_OURS: Final = Path(__file__).with_name("statement_mappings.toml")
ColumnName = Annotated[str, StringConstraints(min_length=1, max_length=100)]
MappingName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,49}$")]
# A bank writes a dozen lines above its table, not a hundred.
Skipped = Annotated[int, Field(ge=0, le=50)]


class Columns(BaseModel):
    """The columns by what they hold, named as in the file's header line."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    date: ColumnName
    value_date: ColumnName | None = None
    amount: ColumnName | None = None
    mark: Annotated[ColumnName | None, Field(description="Says whether an amount is a credit or a debit.")] = None
    debit: ColumnName | None = None
    credit: ColumnName | None = None
    reference: Annotated[ColumnName | None, Field(description="The bank's own reference of the entry.")] = None
    description: Annotated[tuple[ColumnName, ...], Field(max_length=5)] = ()
    balance: Annotated[ColumnName | None, Field(description="The account's balance after the entry.")] = None

    @property
    def named(self) -> tuple[str, ...]:
        single = (
            self.date,
            self.value_date,
            self.amount,
            self.mark,
            self.debit,
            self.credit,
            self.reference,
            self.balance,
        )
        return (*(name for name in single if name is not None), *self.description)


class StatementMapping(BaseModel):
    """How one bank writes CSV. Nothing is guessed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: Columns
    date_format: Literal[
        "YYYY-MM-DD", "YYYYMMDD", "DD/MM/YYYY", "MM/DD/YYYY", "DD-MM-YYYY", "DD.MM.YYYY", "DD-MMM-YYYY", "DD-MMM-YY"
    ]
    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")] | None = None
    currency_from: Annotated[ColumnName | None, Field(description="The column that holds the currency.")] = None
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'"] = ""
    positive: Annotated[Literal["credit", "debit"], Field(description="What a positive amount is, without a mark.")] = (
        "credit"
    )
    credit_marks: tuple[str, ...] = ("C", "CR")
    debit_marks: tuple[str, ...] = ("D", "DR")
    delimiter: Literal[",", ";", "\t", "|"] = ","
    encoding: Literal["utf-8", "latin-1", "windows-1252"] = "utf-8"
    preamble_lines: Skipped = 0
    footer_lines: Skipped = 0
    order: Literal["oldest_first", "newest_first"] = "oldest_first"
    account: Annotated[str | None, Field(description="Which account of ours, when every file is about one.")] = None
    ignore: tuple[ColumnName, ...] = ()

    @model_validator(mode="after")
    def fit_together(self) -> Self:
        columns = self.columns
        by_amount, by_pair = columns.amount is not None, columns.debit is not None and columns.credit is not None
        if by_amount is by_pair or (by_amount and (columns.debit or columns.credit)):
            raise ValueError("either `amount`, or both `debit` and `credit`")
        if columns.mark is not None and not by_amount:
            raise ValueError("`mark` says what an `amount` is")
        if (self.currency is None) is (self.currency_from is None):
            raise ValueError("either `currency`, or `currency_from`")
        if self.decimal == self.thousands:
            raise ValueError("`decimal` and `thousands` are the same sign")
        twice = [name for name, count in Counter(self.all_columns).items() if count > 1]
        if twice:
            raise ValueError(f"these columns are named more than once: {', '.join(twice)}")
        return self

    @property
    def all_columns(self) -> tuple[str, ...]:
        extra = () if self.currency_from is None else (self.currency_from,)
        return (*self.columns.named, *extra, *self.ignore)


_MAPPINGS: Final = TypeAdapter(dict[MappingName, StatementMapping])


def load_mappings(path: str | None) -> Mapping[str, StatementMapping]:
    """Those that come with the ledger, and those of the file at `path`, which win.

    Raises:
        OSError, tomllib.TOMLDecodeError, pydantic.ValidationError: the file cannot be used; nothing should start.
    """
    found = dict(_MAPPINGS.validate_python(tomllib.loads(_OURS.read_text(encoding="utf-8"))))
    if path is not None:
        found |= _MAPPINGS.validate_python(tomllib.loads(Path(path).read_text(encoding="utf-8")))
    return found
