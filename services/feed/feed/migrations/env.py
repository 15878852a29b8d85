"""Alembic's entry; the chassis does the work."""

from chassis.migrations import run_environment
from feed.adapters.tables import metadata

run_environment(metadata)
