"""Puts a report beside the results it is of, once: whoever collects again finds it there."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from batt.errors import AlreadyExistsError
from batt.names import report_path
from batt.objects import ObjectStore
from batt.report.model import Report
from batt.report.page import page_html


def store_report(root: ObjectStore, folder: str, attempt: int, make: Callable[[], Report]) -> None:
    """Write the report of an attempt's results unless it is there; it is made only where it is not.

    Args:
        folder: of the run, under the results folder.
        make: returns the report.
    """
    path = f"{folder}/{report_path(attempt)}"
    if not root.exists(path):
        with contextlib.suppress(AlreadyExistsError):  # by another collect of the same results
            root.create(path, page_html(make()))
