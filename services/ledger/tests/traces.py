"""Looks for a person in every table: in all columns that can hold an id or words, and in every writing."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID


def forms_of(secret: bytes) -> set[bytes]:
    """As it is, as hex, and as base64 wherever it begins among other bytes."""
    found = {secret, secret.hex().encode(), secret.hex().upper().encode()}
    for offset in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # Characters that also hold bits of the neighbours are left out.
            whole = encode(b"\0" * offset + secret)
            found.add(whole[(0, 2, 3)[offset] : -4 if (offset + len(secret)) % 3 else None])
    return found


def forms_of_id(user_id: UUID) -> set[bytes]:
    """A person's id and its hashes, in every writing."""
    texts = (str(user_id), user_id.hex, str(user_id).upper(), user_id.hex.upper())
    found = set().union(*(forms_of(text.encode()) for text in texts)) | forms_of(user_id.bytes)
    for content in (str(user_id).encode(), user_id.bytes):
        found |= forms_of(hashlib.sha256(content).digest())
    return found


def seen_in(content: bytes, sought: Mapping[str, set[bytes]]) -> set[str]:
    return {name for name, forms in sought.items() if any(form in content for form in forms)}


def parts_of(value: Any) -> Iterator[bytes]:
    match value:
        case bytes():
            yield value
        case UUID():
            yield from (value.bytes, str(value).encode())
        case None:
            return
        case _:
            yield str(value).encode()


async def columns_of(scenario: Any) -> dict[str, list[str]]:
    """Every column of every table that can hold an id or words."""
    rows = await scenario.fetch(
        "SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables"
        " USING (table_schema, table_name) WHERE table_schema = 'ledger' AND table_type = 'BASE TABLE'"
        " AND data_type NOT IN"
        " ('bigint', 'integer', 'smallint', 'numeric', 'boolean', 'date', 'timestamp with time zone')"
        " ORDER BY 1, 2"
    )
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["table_name"], []).append(row["column_name"])
    return found


async def traces_in_tables(scenario: Any, sought: Mapping[str, set[bytes]]) -> set[tuple[str, str, str]]:
    """(table, column, what was found there)."""
    found = set()
    for table, columns in (await columns_of(scenario)).items():
        names = ", ".join(f'"{column}"' for column in columns)
        for row in await scenario.fetch(f"SELECT {names} FROM {table}"):
            for column, value in row.items():
                content = b"\0".join(parts_of(value))
                found |= {(table, column, name) for name in seen_in(content, sought)}
    return found
