"""Fixtures for every test of the repository."""

# Its tests lie in a folder of the same name: imported first, or pytest would take the folder for the package.
import gateway  # noqa: F401 -- see above

pytest_plugins = ["chassis.testing.fixtures"]
