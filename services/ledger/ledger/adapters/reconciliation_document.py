"""The reconciliation report as a PDF that a treasurer signs; the same report gives the same bytes."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from ledger.adapters.reconciliation_csv import render_csv
from ledger.domain.bank_accounts import day_starts
from ledger.domain.reconciliation_report import Report, report_body

_LINE_MM: Final = 5
_LABEL_MM: Final = 45
# A page of A4 on its side, less margins.
_WIDTH_MM: Final = 277
# Paper that somebody reads before signing; a longer list is in the CSV, and the page says so.
ROWS_MAX: Final = 2_000
_TOTALS: Final = (("class", 70), ("count", 27), ("bank", 60), ("books", 60), ("difference", 60))
_DIFFERENCES: Final = (
    ("class", 42), ("reasons", 34), ("bank", 30), ("books", 30), ("difference", 30), ("bank line", 44),
    ("in the books", 67),
)  # fmt: skip


class Renderer:
    """Keeps `statement_ports.ReportRenderer`."""

    def pdf(self, report: Report) -> bytes:
        return _Page(report).render()

    def csv(self, report: Report) -> bytes:
        return render_csv(report)


class _Page:
    def __init__(self, report: Report) -> None:
        self._report = report
        self._body = report_body(report)
        self._out = FPDF(orientation="landscape", format="A4")

    def render(self) -> bytes:
        out, body = self._out, self._body
        # The day's own end: a time of making would make every copy another document.
        out.set_creation_date(day_starts(self._report.day + timedelta(days=1)))
        out.set_title(f"ImpactNet reconciliation {body['date']}")
        out.add_page()
        self._heading(f"Bank reconciliation of {body['date']}", 16)
        checkpoint = body["checkpoint"]
        self._facts(
            ("Chain", f"the first {body['height']} blocks"),
            ("Checkpoint", f"{checkpoint['size']} blocks, root {checkpoint['root']}" if checkpoint else "none yet"),
            ("Report SHA-256", body["sha256"]),
            ("Matching", f"by reference, within {body['window_days']} days"),
        )
        for position in body["books"]:
            self._heading(f"The books, {position['currency']}", 12)
            self._facts(
                ("Held at the bank", f"{position['opening']} at the beginning, {position['closing']} at the end"),
                (
                    "Of it in clearing",
                    f"{position['clearing_opening']} at the beginning, {position['clearing_closing']} at the end",
                ),
                ("Movement", position["movement"]),
            )
        for sheet in body["accounts"]:
            self._sheet(sheet)
        for currency, total in body["unassigned"].items():
            text = f"{total['count']} movements of rails without an account of ours, {currency} {total['amount']}"
            self._facts(("Not assigned", text))
        self._signatures()
        return bytes(out.output())

    def _sheet(self, sheet: dict[str, Any]) -> None:
        self._heading(f"Account {sheet['account']}, {sheet['currency']}", 12)
        agree = {True: "yes", False: "NO", None: "the statement has no balances"}[sheet["balances_agree"]]
        self._facts(
            ("Statement", "covers this day" if sheet["covered"] else "none for this day"),
            ("Opening balance", sheet["opening"] or "-"),
            ("Closing balance", sheet["closing"] or "-"),
            ("Balances and lines agree", agree),
        )
        rows = [
            (kind.replace("_", " "), str(total["count"]), total["bank"], total["books"], total["difference"])
            for kind, total in sheet["totals"].items()
        ]
        rows.append(("together", "", sheet["bank_movement"], sheet["books_movement"], sheet["difference"]))
        self._table(_TOTALS, rows)
        if sheet["differences"]:
            self._heading("What makes the difference", 10)
            self._table(_DIFFERENCES, [_difference(found) for found in sheet["differences"][:ROWS_MAX]])
            if len(sheet["differences"]) > ROWS_MAX:
                self._facts(("And", f"{len(sheet['differences']) - ROWS_MAX} more: see the CSV of this report"))
        for evidence in sheet["statements"]:
            number = evidence["statement_number"] or "-"
            self._facts((f"File {evidence['file_number']}", f"statement {number}, SHA-256 {evidence['sha256']}"))

    def _heading(self, text: str, size: int) -> None:
        self._out.ln(3)
        self._out.set_font("helvetica", "B", size)
        self._out.cell(0, _LINE_MM + 3, _latin(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _facts(self, *facts: tuple[str, str]) -> None:
        for label, value in facts:
            self._out.set_font("helvetica", "B", 8)
            self._out.cell(_LABEL_MM, _LINE_MM, _latin(label))
            self._out.set_font("courier", "", 8)
            self._out.multi_cell(_WIDTH_MM - _LABEL_MM, _LINE_MM, _latin(value), new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _table(self, columns: Sequence[tuple[str, int]], rows: Sequence[Sequence[str]]) -> None:
        self._row([name for name, _ in columns], columns, "B")
        for row in rows:
            self._row(row, columns, "")

    def _row(self, cells: Sequence[str], columns: Sequence[tuple[str, int]], style: str) -> None:
        self._out.set_font("courier", style, 7)
        for (_, width), text in zip(columns, cells, strict=True):
            self._out.cell(width, _LINE_MM, _latin(text), border="B")
        self._out.ln(_LINE_MM)

    def _signatures(self) -> None:
        for role in ("Prepared by", "Checked by"):
            self._out.ln(8)
            self._out.set_font("helvetica", "", 9)
            blank = "_" * 30
            text = f"{role}: name {blank}  date {'_' * 16}  signature {blank}"
            self._out.cell(0, _LINE_MM, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _difference(found: dict[str, Any]) -> tuple[str, ...]:
    line, movement = found["line"], found["movement"]
    bank = f"{line['date']} f{line['file_number']}:{line['file_row']}" if line else "-"
    books = f"{movement['date']} #{movement['block_index']}" if movement else "-"
    named = (found["transaction_id"] or "")[:18]
    return (
        found["class"].replace("_", " ")[:24],
        ", ".join(found["reasons"]).replace("_", " ")[:20],
        found["bank"],
        found["books"],
        found["difference"],
        bank,
        f"{books} {named}".strip(),
    )


def _latin(text: str) -> str:
    """The built-in fonts know Latin-1; another letter is shown as `?` rather than refused."""
    return text.encode("latin-1", "replace").decode("latin-1")
