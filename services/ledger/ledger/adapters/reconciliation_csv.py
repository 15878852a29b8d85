"""The reconciliation report as CSV: every finding, what matched too; safe to open in a spreadsheet."""

import csv
import io
import re
from collections.abc import Iterator
from typing import Any, Final

from ledger.domain.reconciliation_report import Report, entry_body, report_body

_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
# What spreadsheets take for the beginning of a formula, full-width forms among them.
_FORMULA: Final = re.compile("[=+@\t\r\n-]|[\uff1d\uff0b\uff0d\uff20]")
_COLUMNS: Final = (
    "record", "account", "currency", "class", "reasons", "count", "bank", "books", "difference", "line_date",
    "line_amount", "bank_reference", "file_number", "file_row", "movement_date", "movement_amount", "block_index",
    "reference", "transaction_id", "note",
)  # fmt: skip


def safe_cell(value: object) -> str:
    """The cell as text that no spreadsheet runs: an apostrophe before what looks like a formula (OWASP)."""
    text = "" if value is None else str(value)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def render_csv(report: Report) -> bytes:
    """UTF-8 with CRLF (RFC 4180); the same report gives the same bytes."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, _COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for record in _records(report):
        writer.writerow({name: safe_cell(record.get(name)) for name in _COLUMNS})
    return out.getvalue().encode()


def _records(report: Report) -> Iterator[dict[str, Any]]:
    body = report_body(report)
    checkpoint = body["checkpoint"]
    yield {"record": "report", "note": f"date {body['date']}"}
    yield {"record": "report", "note": f"height {body['height']}"}
    yield {
        "record": "report",
        "note": f"checkpoint {checkpoint['size']} {checkpoint['root']}" if checkpoint else "none",
    }
    yield {"record": "report", "note": f"sha256 {body['sha256']}"}
    for position in body["books"]:
        for name in ("opening", "closing", "clearing_opening", "clearing_closing"):
            yield {"record": "books", "currency": position["currency"], "class": name, "books": position[name]}
    for sheet, shown in zip(report.sheets, body["accounts"], strict=True):
        base = {"account": sheet.account, "currency": sheet.currency}
        yield base | {"record": "balance", "class": "opening", "bank": shown["opening"]}
        yield base | {"record": "balance", "class": "closing", "bank": shown["closing"]}
        for kind, total in shown["totals"].items():
            yield base | {"record": "total", "class": kind} | total
        yield base | {
            "record": "sum",
            "count": len(sheet.entries),
            "bank": shown["bank_movement"],
            "books": shown["books_movement"],
            "difference": shown["difference"],
        }
        for entry in sheet.entries:
            yield base | _finding(entry_body(entry, sheet.currency))
    for name in ("name", "date", "signature"):
        yield {"record": "signed", "class": name}


def _finding(body: dict[str, Any]) -> dict[str, Any]:
    line, movement = body["line"] or {}, body["movement"] or {}
    return {
        "record": "finding",
        "class": body["class"],
        "reasons": " ".join(body["reasons"]),
        "bank": body["bank"],
        "books": body["books"],
        "difference": body["difference"],
        "line_date": line.get("date"),
        "line_amount": line.get("amount"),
        "bank_reference": line.get("bank_reference"),
        "file_number": line.get("file_number"),
        "file_row": line.get("file_row"),
        "movement_date": movement.get("date"),
        "movement_amount": movement.get("amount"),
        "block_index": movement.get("block_index"),
        "reference": movement.get("reference"),
        "transaction_id": body["transaction_id"],
    }
