"""One array parameter instead of a list of them: one statement for the database to plan, however many ids."""

from collections.abc import Iterable
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, any_, bindparam
from sqlalchemy.dialects.postgresql import ARRAY


def among(column: ColumnElement[Any], ids: Iterable[UUID]) -> ColumnElement[bool]:
    """`column = ANY(ids)`; the ids are sorted, so that rows are met, and locked, in one order."""
    parameter = bindparam(None, sorted(ids, key=attrgetter("int")), type_=ARRAY(Uuid), unique=True)
    return column == any_(parameter)
