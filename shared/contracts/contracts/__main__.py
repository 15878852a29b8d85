"""`python -m contracts generate | check | release`: the JSON Schemas and the AsyncAPI document."""

import sys

from contracts.publication import check, generate, release

COMMANDS = {"generate": generate, "check": check, "release": release}

if __name__ == "__main__":
    command = COMMANDS.get(sys.argv[1]) if len(sys.argv) == 2 else None  # noqa: PLR2004 -- the program and one word
    if command is None:
        sys.stderr.write(f"usage: python -m contracts {' | '.join(COMMANDS)}\n")
        sys.exit(2)
    sys.exit(command())
