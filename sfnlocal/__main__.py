"""`python -m sfnlocal` is the command `sfnlocal`."""

import sys

from sfnlocal.cli import main

if __name__ == "__main__":
    sys.exit(main())
