"""The HTTP side: thin routers, bodies, the one table of problems."""
