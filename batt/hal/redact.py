"""Secrets in texts: values that are known to be secret never reach the store, whoever wrote them down."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote, quote_plus

SECRET_NAME = re.compile(
    r"(KEY|TOKEN|SECRET|PASSW(OR)?D|PASSPHRASE|CREDENTIAL)S?(_|$)|_(AUTH|PAT|PASS|PWD)$", re.IGNORECASE
)
"""Names of environment variables whose values are taken for secrets."""

LEAST_CHARACTERS = 6
"""Shortest value that is taken out: shorter ones (`1`, `test`) stand in texts that have nothing to do with them."""

NUMBER = re.compile(r"[\d.,+-]*")
"""Values that are not taken out either: MAX_TOKENS is a limit, and without its number JSON is none any more."""


class Redactor:
    """Takes known secrets out of texts.

    secrets: name -> value; the name is what stands in the text in place of the value.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self.names: dict[str, str] = {}
        for name, value in secrets.items():
            for form in forms(value):
                self.names.setdefault(form, name)
        longest_first = sorted(self.names, key=len, reverse=True)  # of two secrets, one may begin with the other
        self.pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        if self.pattern is None:
            return text
        pieces, end = [], 0
        found = self.pattern.search(text)
        while found:
            if found.start() >= end:
                pieces += [text[end : found.start()], f"[{self.names[found[0]]}]"]
            end = max(end, found.end())
            found = self.pattern.search(text, found.start() + 1)  # a secret may begin within another, and end after it
        return "".join([*pieces, text[end:]])

    def data(self, data: bytes) -> bytes:
        """Return bytes without secrets; those that are no text too."""
        text = data.decode("utf-8", "surrogateescape")
        return self.text(text).encode("utf-8", "surrogateescape")


def forms(value: str) -> Iterator[str]:
    """Yield the forms in which a secret stands in texts: itself, in JSON, in URLs; without the line end of its file."""
    value = value.strip()
    if len(value) >= LEAST_CHARACTERS and not NUMBER.fullmatch(value):
        yield value
        for is_ascii in (True, False):
            yield json.dumps(value, ensure_ascii=is_ascii)[1:-1]
        for quoted in (quote, quote_plus):
            for safe in ("", "/"):
                yield quoted(value, safe=safe, errors="surrogateescape")


def secrets_of(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of an environment that look like secrets."""
    return {name: value for name, value in environment.items() if SECRET_NAME.search(name)}
