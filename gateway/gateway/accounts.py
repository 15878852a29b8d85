"""Which accounts a login names: read from its body for the limits, and for nothing else."""

import orjson

# A longer name is no account of ours (identity refuses it); it is not worth a window of its own.
_NAME_CHARACTERS_MAX = 320


def accounts_of(body: bytes) -> tuple[str, ...]:
    """The `email` and the `username` of a login's JSON body, whichever are there; never raises.

    Both count, so that a made-up one beside the real one hides nothing.
    """
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ()
    if not isinstance(content, dict):
        return ()
    named = (content.get(field) for field in ("email", "username"))
    return tuple(name for name in named if isinstance(name, str) and 0 < len(name) <= _NAME_CHARACTERS_MAX)
