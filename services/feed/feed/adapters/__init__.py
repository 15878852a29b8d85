"""Postgres, and the contracts that others read."""
