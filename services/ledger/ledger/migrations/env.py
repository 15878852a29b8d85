"""Alembic's entry; the chassis does the work."""

from chassis.migrations import run_environment
from ledger.adapters.tables import metadata

run_environment(metadata)
