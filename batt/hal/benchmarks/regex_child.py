"""Tells whether a text matches one of some patterns, in the sandbox: matching may take for ever. See jsonl.py.

Stands alone (standard library only, Python 3.9).

    standard input:  {"patterns": [...], "text": "...", "ignore_case": true}
    standard output: true or false
"""

from __future__ import annotations

import json
import re
import sys


def main() -> int:
    """Read what is asked, print the answer."""
    asked = json.load(sys.stdin)
    flags = re.IGNORECASE if asked["ignore_case"] else 0
    found = any(re.fullmatch(pattern, asked["text"], flags) for pattern in asked["patterns"])
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
