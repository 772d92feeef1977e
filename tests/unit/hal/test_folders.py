"""A task's folder: its id as far as folders go, never elsewhere, never another's."""

import hashlib
import os
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batt.hal.folders import FOLDER_BYTES, SEGMENT_BYTES, task_folder


@pytest.mark.parametrize(
    ("task", "folder"),
    [
        ("HumanEval/0", "HumanEval/0"),
        ("a b", "a b"),
        ("django__django-11099", "django__django-11099"),
        ("café:1", "café:1"),
        ("", "%"),
        ("%", "%25"),
        ("../x", "%2E./x"),
        ("/etc/passwd", "%/etc/passwd"),
        ("a//b/", "a/%/b/%"),
        ("a/./b", "a/%2E/b"),
        ("...", "..."),
        (".batt-tmp-1", "%2Ebatt-tmp-1"),
        ("a\\b*?\n", "a%5Cb%2A%3F%0A"),
        ("\ud800\u202e", "%ED%A0%80%E2%80%AE"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 182 + "%~" + hashlib.sha256(b"x" * 201).hexdigest()[:16]),
    ],
)
def test_a_tasks_folder_is_its_id_as_far_as_folders_go(task: str, folder: str) -> None:
    assert task_folder(task) == folder


@given(st.text() | st.text("./%~a\\ \n\ud800", max_size=12) | st.text("a/", min_size=300))
def test_no_id_leads_out_of_its_place(task: str) -> None:
    folder = task_folder(task)

    path = PurePosixPath("run") / folder
    assert os.path.normpath(path) == str(path) == f"run/{folder}"
    assert len(folder.encode()) <= FOLDER_BYTES
    assert all(len(part.encode()) <= SEGMENT_BYTES for part in path.parts)


@given(st.lists(st.text("./%2E~a", max_size=4), unique=True))
def test_no_two_ids_share_a_folder(tasks: list[str]) -> None:
    assert len({task_folder(task) for task in tasks}) == len(tasks)


def test_long_ids_that_begin_alike_have_folders_of_their_own() -> None:
    assert len({task_folder(f"{'x' * 5000}{end}") for end in "ab"}) == 2
    assert len({task_folder(f"{'x/' * 5000}{end}") for end in "ab"}) == 2
