"""The ledger's migrations: inside the package, so that the image migrates itself."""
