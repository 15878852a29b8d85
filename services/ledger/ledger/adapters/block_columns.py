"""Columns against bytes, in the database: the canonical bytes made anew from the columns, as one SQL expression."""

from typing import Final

from ledger.domain.block_screening import FORMS, ID

# What comes after JSONB's `->` is the JSON of the value, quoted and escaped; of a key that is missing it is NULL, and
# so is all that is joined to it: then nothing is told. Joined by `||`, for which no output function has to be called.
_REBUILT: Final = """'{"block_index":' || block_index || ',"data":{' || CASE DATA END || '},"nonce":' || nonce
    || ',"previous_hash":"' || previous_hash || '","timestamp":"'
    || to_char(timestamp, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '","transaction_id":"' || transaction_id
    || '","transaction_type":"' || transaction_type || '"}'"""
# A form says the year in four digits; to_char says nothing of the era.
_IS_TOLD: Final = """preimage = convert_to(REBUILT, 'UTF8')
    AND timestamp >= '2000-01-01 00:00:00+00' AND timestamp < '10000-01-01 00:00:00+00'"""
_ACCOUNTS: Final = ("(data->'postings'->0->'account')::text", "(data->'postings'->1->'account')::text")
_LINES: Final = """'[{{"amount": "-' || (data->>'amount') || '", "account": ' || {}
    || '}}, {{"amount": "' || (data->>'amount') || '", "account": ' || {} || '}}]'""".format(*_ACCOUNTS)
_POSTINGS: Final = """'"postings":[{{"account":' || {} || ',"amount":"-' || (data->>'amount')
    || '"}},{{"account":' || {} || ',"amount":"' || (data->>'amount') || '"}}]'""".format(*_ACCOUNTS)


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
            conditions.append(f"(data->'postings')::text = {_LINES}")
            parts.append(_POSTINGS)
        elif fields[name] == ID:
            # Cheaper, and of an id as good: with its dashes it is no number, and nothing in it is escaped.
            parts.append(f"""'"{name}":"' || (data->>'{name}') || '"'""")
        else:
            parts.append(f"""'"{name}":' || (data->'{name}')::text""")
    joined = " || ',' || ".join(parts)
    return f"WHEN {' AND '.join(conditions)} THEN {joined}"


# Each branch is asked in its turn: first what is most of a chain.
_OFTEN: Final = ("interview", "decision", "commitment", "disbursement", "donation")
_SORTED: Final = sorted(
    FORMS, key=lambda form: (form[0] not in _OFTEN, (*_OFTEN, form[0]).index(form[0]), -len(form[1]))
)
_DATA: Final = "\n        ".join(_when(*form) for form in _SORTED)
# Every `||` copies all that is before it: literals that stand beside each other are made one.
IS_TOLD: Final = _IS_TOLD.replace("REBUILT", _REBUILT.replace("DATA", _DATA)).replace("' || '", "")
