"""The ledger over HTTP: thin routers on the use cases."""
