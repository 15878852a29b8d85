"""`python -m ledger reconcile`: take bank statements in, and show or write a day's report."""

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import orjson
import typer

from chassis.personal_data import Vault
from chassis.processes import open_database
from chassis.refusals import FieldRefusalError, RefusalError
from ledger.adapters.reconciliation_document import Renderer
from ledger.adapters.statement_parts import StatementParts
from ledger.domain.bank_accounts import bank_day
from ledger.domain.reconciliation_report import Report, report_body
from ledger.settings import LedgerSettings
from ledger.use_cases.import_statement import import_statement
from ledger.use_cases.statement_ports import FileView, ReadingOptions

# A terminal is no place for a longer list; the CSV has them all.
SHOWN_MAX: Final = 50
_DAY: Final = "%Y-%m-%d"
# As over HTTP; the day after the last one of all there are would be none.
_YEARS: Final = range(1900, 3000)
Day = Annotated[datetime | None, typer.Option(formats=[_DAY])]


def _sane_day(value: datetime) -> datetime:
    if value.year not in _YEARS:
        raise typer.BadParameter(f"must lie between {_YEARS[0]} and {_YEARS[-1]}")
    return value


def reconcile_commands(settings: Callable[[], LedgerSettings]) -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, help="Bank statements, and how they compare with the books.")

    @app.command("import", help="Take a bank statement in: whole, or not at all, with every mistake named.")
    def import_file(
        file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="MT940, or CSV by its name's end.")],
        mapping: Annotated[str | None, typer.Option(help="Which mapping reads a CSV's columns.")] = None,
        account: Annotated[str | None, typer.Option(help="Which account of ours a CSV is about.")] = None,
        covers_from: Day = None,
        covers_to: Day = None,
    ) -> None:
        options = ReadingOptions(
            mapping,
            account,
            None if covers_from is None else covers_from.date(),
            None if covers_to is None else covers_to.date(),
        )
        # A mapping is said for CSV only; else the name tells.
        kind = "csv" if mapping is not None or file.suffix.lower() == ".csv" else "mt940"
        try:
            view, is_new = asyncio.run(_import(settings(), file.read_bytes(), kind, options))
        except FieldRefusalError as error:
            sys.stderr.write(f"{error.detail}\n")
            for field, code, message in error.errors:
                sys.stderr.write(f"  {field}: {message} ({code})\n")
            raise typer.Exit(1) from error
        sys.stdout.write(_import_text(view, is_new=is_new))

    @app.command("report", help="A day's reconciliation; exits 1 when something is left to explain.")
    def report(
        date: Annotated[datetime, typer.Option(formats=[_DAY], callback=_sane_day, help="The day at the bank.")],
        height: Annotated[int | None, typer.Option(min=1, help="Pins it to the first so many blocks.")] = None,
        form: Annotated[Literal["text", "json", "csv", "pdf"], typer.Option("--format")] = "text",
        output: Annotated[Path | None, typer.Option(help="Where to write; standard output when left out.")] = None,
    ) -> None:
        try:
            found = asyncio.run(_report(settings(), date, height))
        except RefusalError as error:
            sys.stderr.write(f"{error.detail}\n")
            raise typer.Exit(1) from error
        content = _render(found, form)
        if output is None:
            sys.stdout.buffer.write(content)
        else:
            output.write_bytes(content)
        if any(sheet.unexplained for sheet in found.sheets):
            raise typer.Exit(1)

    return app


async def _import(
    settings: LedgerSettings, content: bytes, kind: str, options: ReadingOptions
) -> tuple[FileView, bool]:
    database = open_database(settings, "api")
    try:
        parts = StatementParts(settings, database, Vault(settings.master_key))
        read = parts.wiring.reader.read(content, kind, options, today=bank_day(datetime.now(UTC)))
        async with database.unit_of_work() as work:
            return await import_statement(parts.wiring.statements(work), read, None)
    finally:
        await database.close()


async def _report(settings: LedgerSettings, day: datetime, height: int | None) -> Report:
    database = open_database(settings, "api")
    try:
        parts = StatementParts(settings, database, Vault(settings.master_key))
        return await parts.desk.report(day.date(), height)
    finally:
        await database.close()


def _import_text(view: FileView, *, is_new: bool) -> str:
    if not is_new:
        return f"already here: file {view.number}, imported {view.imported_at:%Y-%m-%d}; nothing was changed\n"
    lines = [f"imported: file {view.number}, {view.line_count} lines, {view.new_lines} of them new"]
    for statement in view.statements:
        balances = "no balances" if statement.opening is None else f"{statement.opening} -> {statement.closing}"
        lines.append(
            f"  {statement.account} {statement.currency}, {statement.covers_from} to {statement.covers_to}:"
            f" {statement.line_count} lines, {balances}"
        )
    return "\n".join(lines) + "\n"


def _render(report: Report, form: str) -> bytes:
    if form == "pdf":
        return Renderer().pdf(report)
    if form == "csv":
        return Renderer().csv(report)
    body = report_body(report)
    return orjson.dumps(body) + b"\n" if form == "json" else _text(body).encode()


def _text(body: dict[str, Any]) -> str:
    checkpoint = body["checkpoint"]
    signed = f"checkpoint {checkpoint['size']}" if checkpoint else "no checkpoint yet"
    lines = [f"{body['date']}, the first {body['height']} blocks, {signed}", f"sha256 {body['sha256']}"]
    lines += [
        f"books {position['currency']}: {position['opening']} -> {position['closing']},"
        f" in clearing {position['clearing_opening']} -> {position['clearing_closing']}"
        for position in body["books"]
    ]
    for sheet in body["accounts"]:
        lines += _sheet_text(sheet)
    return "\n".join(lines) + "\n"


def _sheet_text(sheet: dict[str, Any]) -> list[str]:
    covered = f"{sheet['opening'] or '?'} -> {sheet['closing'] or '?'}" if sheet["covered"] else "no statement"
    lines = [f"account {sheet['account']} {sheet['currency']}: {covered}"]
    for kind, total in sheet["totals"].items():
        if total["count"]:
            name = kind.replace("_", " ")
            lines.append(f"  {name:<26}{total['count']:>7}  bank {total['bank']:>18}  books {total['books']:>18}")
    lines.append(
        f"  difference {sheet['difference']} = bank {sheet['bank_movement']} - books {sheet['books_movement']}"
    )
    for found in sheet["differences"][:SHOWN_MAX]:
        line, movement = found["line"], found["movement"]
        bank = f"file {line['file_number']} line {line['file_row']}" if line else "no line"
        books = f"block {movement['block_index']}" if movement else "not in the books"
        lines.append(
            f"    {found['class']}: {found['difference']} ({bank}; {books}) {' '.join(found['reasons'])}".rstrip()
        )
    if len(sheet["differences"]) > SHOWN_MAX:
        lines.append(f"    and {len(sheet['differences']) - SHOWN_MAX} more: --format csv")
    return lines
