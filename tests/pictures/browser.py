"""Debian's Chromium, driven by playwright: opens pages and takes pictures of them."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

COLOURS = 256
"""Of a picture: pages have few, and files become a third as large."""


class Opened(NamedTuple):
    """A page in the browser. complaints, requests: what has come up so far."""

    page: Page
    complaints: list[str]
    requests: list[str]

    def take_picture(self, path: Path) -> None:
        """Take a picture of the whole page, as a PNG."""
        taken = Image.open(io.BytesIO(self.page.screenshot(full_page=True, animations="disabled", scale="css")))
        taken.convert("RGB").quantize(COLOURS, kmeans=1, dither=Image.Dither.NONE).save(path, "PNG", optimize=True)


@contextlib.contextmanager
def started_browser() -> Iterator[Browser]:
    """Start a browser."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


def open_page(browser: Browser, file: Path, width: int) -> Opened:
    """Open a file in a window of this width."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme="light")
    opened = Opened(page, [], [])
    page.on("console", lambda message: opened.complaints.append(message.text))
    page.on("pageerror", lambda error: opened.complaints.append(str(error)))
    page.on("request", lambda request: opened.requests.append(request.url))
    page.goto(file.as_uri())
    return opened
