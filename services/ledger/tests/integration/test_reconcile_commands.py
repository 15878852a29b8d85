"""Statements and reports at the command line: what it says, and what its exit status means."""

import pytest
from services.ledger.tests.processes import run_ledger
from services.ledger.tests.statement_samples import ACCOUNT, standard


async def test_the_command_line_imports_names_mistakes_and_reports(scenario, paid, tmp_path):
    good, bad = tmp_path / "july.csv", tmp_path / "bad.csv"
    good.write_text(standard([(paid["day"].isoformat(), "100.00", "B1", paid["in"])]))
    bad.write_text(good.read_text().replace("100.00,NGN", "1OO.00,NGN"))
    urls = scenario.urls
    status, out, _ = await run_ledger(urls, "reconcile", "import", str(good), "--mapping", "standard")
    assert (status, out.splitlines()[0]) == (0, "imported: file 1, 1 lines, 1 of them new")
    status, out, _ = await run_ledger(urls, "reconcile", "import", str(good))
    assert (status, out.startswith("already here: file 1")) == (0, True)
    status, _, err = await run_ledger(urls, "reconcile", "import", str(bad))
    assert (status, "line 2, amount: " in err) == (1, True)
    day = paid["day"].isoformat()
    status, out, _ = await run_ledger(urls, "reconcile", "report", "--date", day)
    assert status == 1, "a payment is missing: something is left to explain"
    assert f"account {ACCOUNT} NGN: 0.00 -> 100.00" in out
    assert "missing: 60.00" in out
    target = tmp_path / "report.pdf"
    await run_ledger(urls, "reconcile", "report", "--date", day, "--format", "pdf", "--output", str(target))
    assert target.read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "2026-02-29"])
async def test_a_day_that_no_report_can_be_about_is_no_finding(scenario, day):
    """1 is for what is left to explain; whoever watches the command would look for money that is nowhere missing."""
    status, _, err = await run_ledger(scenario.urls, "reconcile", "report", "--date", day)
    assert (status, "--date" in err, "Traceback" in err) == (2, True, False), err
    status, _, err = await run_ledger(scenario.urls, "reconcile", "report", "--date", "2028-02-29")
    assert status == 0, err
