"""Columns against bytes, in the database: the canonical bytes made anew from the columns, as one SQL expression."""

from typing import Final

from ledger.domain.block_screening import FORMS

# Each block of $1..$2-1, and whether its bytes are what its columns say. Read with pg_catalog alone as search path, so
# that no function or operator of the same name, which somebody put into another schema, answers instead.
# What comes after JSONB's `->` is the JSON of the value, quoted and escaped; a key that is missing leaves its place
# empty, which has no form.
_REBUILT: Final = """concat('{"block_index":', block_index, ',"data":{', CASE DATA END, '},"nonce":', nonce,
    ',"previous_hash":"', previous_hash, '","timestamp":"', to_char(timestamp, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    '","transaction_id":"', transaction_id, '","transaction_type":"', transaction_type, '"}')"""
# A form says the year in four digits; to_char says nothing of the era.
_IS_TOLD: Final = """preimage = convert_to(REBUILT, 'UTF8')
    AND timestamp >= '2000-01-01 00:00:00+00' AND timestamp < '10000-01-01 00:00:00+00'"""
_LINES: Final = """'[{"amount": "-', data->>'amount', '", "account": ', data->'postings'->0->'account',
    '}, {"amount": "', data->>'amount', '", "account": ', data->'postings'->1->'account', '}]'"""
_POSTINGS: Final = """'"postings":[{"account":', data->'postings'->0->'account', ',"amount":"-', data->>'amount',
    '"},{"account":', data->'postings'->1->'account', ',"amount":"', data->>'amount', '"}]'"""


def _when(kind: str, fields: dict[str, str]) -> str:
    """The branch of one form. Of two forms of a kind the one with more fields comes first."""
    names = sorted(fields)
    # None beside those: an object with more pairs is greater than any with fewer (PostgreSQL, 8.14.4), and of those
    # that have these keys and one more, none is less than this one. Cheaper than counting keys or taking them away.
    more = ", ".join(f'"{" " * blanks}": null' for blanks in range(len(names) + 1))
    conditions = [f"transaction_type = '{kind}'", f"data < '{{{more}}}'"]
    others = [other for of_kind, other in FORMS if of_kind == kind and len(other) < len(fields)]
    conditions += [f"data ? '{name}'" for other in others for name in sorted(fields.keys() - other.keys())]
    parts: list[str] = []
    for name in names:
        if name == "postings":
            conditions.append(f"(data->'postings')::text = concat({_LINES})")
            parts.append(_POSTINGS)
        else:
            parts.append(f"""'"{name}":', data->'{name}'""")
    joined = ", ',', ".join(parts)
    return f"WHEN {' AND '.join(conditions)} THEN concat({joined})"


_DATA: Final = "\n        ".join(_when(*form) for form in sorted(FORMS, key=lambda form: -len(form[1])))
IS_TOLD: Final = _IS_TOLD.replace("REBUILT", _REBUILT.replace("DATA", _DATA))
