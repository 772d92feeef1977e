"""`python -m batt` is `batt`."""

import sys

from batt.cli import main

sys.exit(main())
