"""HTTP: thin routers and their bodies."""
