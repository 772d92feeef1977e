"""What a URI names is on this machine, whole, or told to be nowhere; with a real fake-gcs-server."""

from __future__ import annotations

from pathlib import Path

import pytest

from batt.errors import InputError
from batt.hal.fetching import fetch
from batt.store import open_store


def test_a_folder_of_a_bucket_comes_with_what_lies_deep_in_it(gcs: str, tmp_path: Path) -> None:
    store = open_store(f"{gcs}/agents/mine", tmp_path)
    store.create("main.py", b"one")
    store.create("lib/deep/more.py", b"two")
    open_store(f"{gcs}/agents/mine-too", tmp_path).create("other.py", b"three")

    path = fetch(f"{gcs}/agents/mine", tmp_path, tmp_path / "here", "spec.hal.agent.source")

    found = {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}
    assert found == {"main.py": b"one", "lib/deep/more.py": b"two"}


def test_one_object_of_a_bucket_keeps_its_name(gcs: str, tmp_path: Path) -> None:
    open_store(f"{gcs}/data", tmp_path).create("questions.jsonl", b"{}")

    path = fetch(f"{gcs}/data/questions.jsonl", tmp_path, tmp_path / "here", "spec.hal.data")

    assert (path.name, path.read_bytes()) == ("questions.jsonl", b"{}")


def test_what_a_bucket_has_not_is_told_with_its_field(gcs: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"spec\.hal\.data: got 'gs://.*/none'; must be an object, or a folder"):
        fetch(f"{gcs}/none", tmp_path, tmp_path / "here", "spec.hal.data")


def test_what_lies_on_this_machine_stays_where_it_is(tmp_path: Path) -> None:
    assert fetch("agent", tmp_path, tmp_path / "here", "spec.hal.agent.source") == tmp_path / "agent"
    assert not (tmp_path / "here").exists()
