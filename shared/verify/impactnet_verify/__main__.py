"""`python -m impactnet_verify`: the same as the command `impactnet-verify`."""

import sys

from impactnet_verify.command_line import main

if __name__ == "__main__":
    sys.exit(main())
