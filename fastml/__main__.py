"""``python -m fastml``: see `fastml.cli`."""

import sys

from fastml.cli import main

if __name__ == "__main__":
    sys.exit(main())
