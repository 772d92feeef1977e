"""Which URIs a field of a run file takes, and the rule and remedy for any other text.

`builtin:NAME` ships with batt, `gs://bucket/path` is Cloud Storage, `image:/path` lies in the worker's image;
`file:path` and plain paths mean something on a laptop only, relative ones start at the run file's folder.
Only the form is judged here: whether something is there shows when it is read.
"""

from __future__ import annotations

import re
from typing import NamedTuple

URI_CHARACTERS = 1024
"""Longest URI: the limit of an object's name in Cloud Storage (cloud.google.com/storage/docs/objects#naming)."""

BUCKET = "[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]"
"""A bucket's name (cloud.google.com/storage/docs/buckets#naming), as a regular expression that RE2 reads too."""

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
"""The start of a URI; two characters at least, so that `C:` is none."""

LAPTOP_ONLY = "a plain path or file: means something on a laptop only; use `batt submit`, which uploads it"
"""What the cluster says to a path (DESIGN.md section 3)."""


CEL_CLEAN = "self.trim() == self && !self.matches('[[:cntrl:]]')"
"""CEL for a text without spaces around it and without control characters."""


class Broken(NamedTuple):
    """Why a text is refused, and what to do about it."""

    rule: str
    remedy: str


class UriKinds(NamedTuple):
    """The URIs that one field takes, beside `gs://`, `file:` and paths, which every field takes."""

    builtins: tuple[str, ...] = ()
    """Names allowed after `builtin:`."""

    names: tuple[str, ...] = ()
    """Plain words with a meaning of their own, `arc-agi-1/training`; a path of that name needs `./` before it."""

    image: bool = True
    """Whether `image:/path` is taken: not where the run writes."""

    @property
    def rule(self) -> str:
        """The rule in words: what the text must be."""
        return _rule([*self._forms(), "file:PATH", "a path"])

    @property
    def cel_rule(self) -> str:
        """The rule in words for a cluster, where paths and `file:` mean nothing."""
        return f"{_rule(self._forms())}; {LAPTOP_ONLY}"

    @property
    def examples(self) -> tuple[str, ...]:
        """Texts that editors offer: all names and builtins, and the start of a bucket's URI."""
        return (*self.names, *(f"builtin:{name}" for name in self.builtins), "gs://")

    @property
    def cel(self) -> str:
        """The rule for a cluster, as a CEL expression over `self`: paths and `file:` are out."""
        forms = [re.escape(f"builtin:{name}") for name in self.builtins]
        forms += [re.escape(name).replace(r"\-", "-") for name in self.names]
        forms += [f"gs://{BUCKET}(/.*)?"]
        forms += ["image:/[^/].*"] if self.image else []
        return f"self.matches('^({'|'.join(forms)})$') && {CEL_CLEAN}"

    def broken(self, text: str) -> Broken | None:
        """Return what is wrong with the text; None for a URI that the field takes."""
        if text in self.names:
            return None
        if not text.strip() or text != text.strip() or not text.isprintable():
            return Broken(self.rule, "write it without spaces around it, line ends or control characters")
        scheme = SCHEME.match(text)
        if scheme is None:
            return None
        rest = text[scheme.end() :]
        match scheme[1]:
            case "gs":
                return self._broken_bucket(rest)
            case "file":
                return self._broken_file(rest)
            case "image" if self.image:
                fine = rest.startswith("/") and not rest.startswith("//") and len(rest) > 1
                return None if fine else Broken(self.rule, "write the absolute path in the image, image:/path")
            case "builtin" if self.builtins:
                known = " or ".join(f"builtin:{name}" for name in self.builtins)
                return None if rest in self.builtins else Broken(self.rule, f"write {known}")
        return Broken(self.rule, self._remedy(scheme[1], rest))

    def _forms(self) -> list[str]:
        forms = [*self.names, *(f"builtin:{name}" for name in self.builtins), "gs://BUCKET/PATH"]
        return [*forms, "image:/PATH"] if self.image else forms

    def _broken_bucket(self, rest: str) -> Broken | None:
        bucket = rest.removeprefix("//").partition("/")[0]
        if rest.startswith("//") and re.fullmatch(BUCKET, bucket):
            return None
        remedy = "write the bucket's name after gs://: 3 to 222 lower-case letters, digits, `-`, `_` and `.`"
        return Broken(self.rule, remedy)

    def _broken_file(self, rest: str) -> Broken | None:
        host = rest.removeprefix("//").partition("/")[0] if rest.startswith("//") else ""
        if rest and host in {"", "localhost"}:
            return None
        return Broken(self.rule, "write the path after file:, without a host: file:/abs/path or file:relative/path")

    def _remedy(self, scheme: str, rest: str) -> str:
        match scheme:
            case "builtin" if rest in self.names:
                return f"write {rest}"
            case "s3" | "http" | "https" | "ftp" | "az" | "hdfs":
                return f"{scheme}: cannot be read or written; copy it to a gs:// bucket or a folder"
            case "image":
                return "an image cannot be written to; name a gs:// bucket or a folder"
        return f"correct {scheme}:, or write ./ before a path that holds a colon"


def _rule(forms: list[str]) -> str:
    *most, last = forms
    return f"must be {', '.join(most)} or {last}" if most else f"must be {last}"
