"""`python -m dashboards write|check`: see files.py."""

import sys

from dashboards.files import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
