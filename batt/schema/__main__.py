"""`python -m batt.schema write|check` writes or verifies the generated files."""

import sys

from batt.schema.files import main

sys.exit(main(sys.argv[1:]))
