"""`python -m tests.pictures` writes docs/pictures/*.png: the dashboards, with the answers of a real Prometheus."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from tests.pictures.browser import open_page, started_browser
from tests.pictures.page import WIDE
from tests.pictures.pages import PICTURES, write_pages


def main() -> int:
    """Write the pictures; return the exit code."""
    for name in ("chromium", "prometheus"):
        if shutil.which(name) is None:
            print(f"no {name} here: apt-get install --no-install-recommends {name}", file=sys.stderr)
            return 69
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, started_browser() as browser:
        for answered in write_pages(Path(folder)):
            path = PICTURES / f"{answered.board.name}.png"
            open_page(browser, answered.page, WIDE).take_picture(path)
            print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
