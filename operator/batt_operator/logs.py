"""The operator's log: one JSON object a line, with run and namespace as fields."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""Attributes that every log record has: what else a record carries are the fields of the line."""


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, str | float] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        fields = {name: value for name, value in vars(record).items() if name not in STANDARD}
        line |= {name: value for name, value in fields.items() if isinstance(value, str | int | float | bool)}
        if record.name != "batt_operator":
            line["logger"] = record.name
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def is_end_of_watch(record: logging.LogRecord) -> bool:
    """Return whether a record of asyncio only tells that watches were cut while the operator leaves.

    kopf leaves the generators of its watches to asyncio, which closes them all at once at the end, outer and inner
    ones in any order: an outer one then complains about its inner one, though all are closed.
    """
    return record.getMessage().startswith("an error occurred during closing of asynchronous generator")


def log_as_json() -> None:
    """Send every log to standard error as JSON; kopf's own only where something is wrong."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in ("kopf", "urllib3", "aiohttp", "asyncio", "httpx"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("asyncio").addFilter(lambda record: not is_end_of_watch(record))
