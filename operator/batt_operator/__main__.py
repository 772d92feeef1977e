"""`python -m batt_operator`: the operator as its image starts it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import kopf

from batt.errors import BattError
from batt_operator import handlers
from batt_operator.settings import load_settings


def main() -> int:
    """Run the operator until it is told to stop; return the exit code."""
    try:
        settings = load_settings(Path(os.environ.get("BATT_CONFIG", handlers.CONFIG)))
    except BattError as error:
        print(f"batt_operator: {error}", file=sys.stderr)
        return error.exit_code
    os.environ.setdefault("USER", "batt-operator")  # kopf asks for the user's name, and a container's user has none
    if settings.namespace:
        kopf.run(standalone=True, namespaces=[settings.namespace])
    else:
        kopf.run(standalone=True, clusterwide=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
