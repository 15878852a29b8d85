"""Fixtures for every test of the repository."""

pytest_plugins = ["chassis.testing.fixtures"]
