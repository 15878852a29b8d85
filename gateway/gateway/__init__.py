"""The one door: routes, tokens, limits, live sockets."""
