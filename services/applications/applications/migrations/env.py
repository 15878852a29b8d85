"""Alembic's environment: the chassis runs it."""

from applications.adapters.tables import metadata
from chassis.migrations import run_environment

run_environment(metadata)
