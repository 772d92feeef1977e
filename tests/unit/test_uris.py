"""Which URIs a field takes, and what the others are told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batt.api import CANDIDATES_URIS, DATASET_URIS, DSL_URIS, RESULTS_URIS
from batt.fields import TASKS_URIS
from batt.store import local_path, split_gcs
from batt.uris import UriKinds

ALL_KINDS = (DATASET_URIS, TASKS_URIS, CANDIDATES_URIS, DSL_URIS, RESULTS_URIS)


@pytest.mark.parametrize("kinds", ALL_KINDS)
@pytest.mark.parametrize(
    "text",
    [
        "gs://bucket",
        "gs://my.bucket_1/",
        "gs://bucket/a folder/file:1.json",
        "tasks",
        "./tasks.json",
        "../tasks",
        "/data/tasks",
        "~/tasks",
        "a:b",  # one letter and a colon is no scheme
        "./odd:name",
        "file:tasks.json",
        "file:/data/tasks",
        "file:///data/tasks",
        "file://localhost/data/tasks",
        "übung/日本",
    ],
)
def test_every_field_takes_buckets_files_and_paths(kinds: UriKinds, text: str) -> None:
    assert kinds.broken(text) is None


@pytest.mark.parametrize(
    ("kinds", "text"),
    [
        (DATASET_URIS, "arc-agi-1/training"),
        (DATASET_URIS, "arc-agi-2/evaluation"),
        (CANDIDATES_URIS, "builtin:starter"),
        (DSL_URIS, "builtin:arc"),
        (DSL_URIS, "image:/opt/dsl"),
    ],
)
def test_a_field_takes_what_is_its_own(kinds: UriKinds, text: str) -> None:
    assert kinds.broken(text) is None


@pytest.mark.parametrize(
    ("kinds", "text", "remedy"),
    [
        (DATASET_URIS, "gs://", "write the bucket's name after gs://"),
        (DATASET_URIS, "gs:///path", "write the bucket's name after gs://"),
        (DATASET_URIS, "gs:bucket", "write the bucket's name after gs://"),
        (DATASET_URIS, "gs://Bucket/path", "lower-case"),
        (DATASET_URIS, "gs://ab", "3 to 222"),
        (DATASET_URIS, "s3://bucket/path", "copy it to a gs:// bucket or a folder"),
        (DATASET_URIS, "https://example.org", "copy it to a gs:// bucket or a folder"),
        (DATASET_URIS, "builtin:arc-agi-1/training", "write arc-agi-1/training"),
        (CANDIDATES_URIS, "builtin:start", "write builtin:starter"),
        (CANDIDATES_URIS, "bultin:starter", "correct bultin:"),
        (TASKS_URIS, "builtin:ids", "correct builtin:"),
        (TASKS_URIS, "image:ids.txt", "image:/path"),
        (TASKS_URIS, "image://ids.txt", "image:/path"),
        (RESULTS_URIS, "image:/results", "an image cannot be written to"),
        (RESULTS_URIS, "file://host/results", "without a host"),
        (RESULTS_URIS, "file:", "write the path after file:"),
        (RESULTS_URIS, " results", "without spaces around it"),
        (RESULTS_URIS, "res\nults", "line ends"),
        (RESULTS_URIS, "", "without spaces around it"),
    ],
)
def test_any_other_text_is_refused_with_a_remedy(kinds: UriKinds, text: str, remedy: str) -> None:
    broken = kinds.broken(text)

    assert broken is not None
    assert broken.rule == kinds.rule
    assert remedy in broken.remedy


def test_rules_read_as_sentences() -> None:
    assert RESULTS_URIS.rule == "must be gs://BUCKET/PATH, file:PATH or a path"
    assert RESULTS_URIS.cel_rule.startswith("must be gs://BUCKET/PATH; a plain path")
    assert DSL_URIS.cel_rule.startswith("must be builtin:arc, gs://BUCKET/PATH or image:/PATH; ")


URI_LIKE = st.text(alphabet="abA1-._/: \n", max_size=12).flatmap(
    lambda rest: st.sampled_from(
        ["", "gs://", "gs:", "image:", "image:/", "file:", "file://", "builtin:", "s3://"]
    ).map(lambda start: start + rest)
)
"""Texts on the border of what fields take."""


@given(text=URI_LIKE)
@example(text="builtin:starter")
@example(text="builtin:arc")
@example(text="arc-agi-1/training")
@example(text="gs://bucket/x")
@example(text="image:/x")
def test_a_cluster_takes_what_a_laptop_takes_but_paths(text: str) -> None:
    for kinds in ALL_KINDS:
        pattern = re.match(r"self\.matches\('(.+?)'\) && ", kinds.cel)
        assert pattern is not None
        clean = text.strip() == text and text.isprintable()  # CEL_CLEAN; the API server itself judges in test_crd.py
        on_cluster = clean and re.search(pattern[1], text) is not None
        on_laptop = kinds.broken(text) is None
        is_path = text not in kinds.names and not text.startswith(("gs:", "image:", "builtin:"))

        assert on_cluster == (on_laptop and not is_path), text


@given(text=URI_LIKE)
def test_what_is_taken_can_be_opened(text: str) -> None:
    if TASKS_URIS.broken(text) is None:
        split_gcs(text) if text.startswith("gs:") else local_path(text, Path("/"))
