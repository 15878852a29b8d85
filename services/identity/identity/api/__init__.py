"""The HTTP side: thin routers."""
