"""Alembic revisions, inside the package so that the image migrates itself."""
