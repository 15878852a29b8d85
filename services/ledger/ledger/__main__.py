"""The ledger's command line."""

import gc
import sys
from collections.abc import Callable


def main() -> None:
    # What is loaded stays: to look for cycles in it again and again takes an eighth of the time until it is.
    gc.disable()
    run = _load()
    gc.freeze()
    gc.enable()
    run()


def _load() -> Callable[[], None]:
    if sys.argv[1:2] == ["witness"]:
        # A witness is run by others, beside nothing of ours: it starts without what the ledger itself needs.
        from ledger.witness.command_line import main as witness  # noqa: PLC0415 -- see above

        return lambda: sys.exit(witness(sys.argv[2:]))
    if sys.argv[1:2] == ["verify"]:
        # It looks and answers: what serves, consumes and draws receipts would only be loaded.
        from ledger.verify_command import main as verify  # noqa: PLC0415 -- see above

        return lambda: verify(sys.argv[2:])
    from chassis.command_line import build_command_line  # noqa: PLC0415 -- not for those above
    from ledger.bootstrap import SERVICE  # noqa: PLC0415 -- not for those above
    from ledger.commands import add_commands  # noqa: PLC0415 -- not for those above

    app = build_command_line(SERVICE)
    add_commands(app)
    return app


if __name__ == "__main__":
    main()
