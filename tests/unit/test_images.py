"""What decides an image decides its name, so that an unchanged tree builds nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cluster.node import PACKAGES
from tests.images import ROOT, Image, ImageBuildError, context_files, digest_files, forget_older, run


def test_a_digest_changes_with_content_and_place_of_files_only(tmp_path: Path) -> None:
    first, second = tmp_path / "first.py", tmp_path / "second.py"
    first.write_text("1")
    before = digest_files([first], "worker")

    second.write_text("1")
    compiled = tmp_path / "first.cpython-311.pyc"
    compiled.write_bytes(b"")

    assert before == digest_files([first, compiled], "worker")
    assert before != digest_files([second], "worker")
    assert before != digest_files([first], "operator")
    first.write_text("2")
    assert before != digest_files([first], "worker")


def test_what_an_image_copies_decides_its_name() -> None:
    found = {str(path.relative_to(ROOT)) for path in context_files()}

    wanted = {"pyproject.toml", ".dockerignore", "batt/api.py", "images/worker/Dockerfile", "images/install.sh"}
    assert wanted <= found


def test_old_archives_of_the_same_image_are_forgotten(tmp_path: Path) -> None:
    ages = {"batt-worker-a": 1, "batt-worker-b": 2, "batt-worker-c": 3, "batt-worker-d": 4, "batt-worker-l4-a": 0}
    for name, age in ages.items():
        path = tmp_path / f"{name}.tar"
        path.write_bytes(b"")
        os.utime(path, (age, age))

    forget_older(Image("localhost/batt-worker:d", tmp_path / "batt-worker-d.tar"))

    left = sorted(path.stem for path in tmp_path.iterdir())
    assert left == ["batt-worker-b", "batt-worker-c", "batt-worker-d", "batt-worker-l4-a"]


def test_a_failed_command_shows_what_it_said() -> None:
    with pytest.raises(ImageBuildError, match=r"ended with 3:\nno space left"):
        run(["sh", "-c", "echo no space left >&2; exit 3"])


def test_ci_installs_what_a_node_needs() -> None:
    script = (ROOT / ".ci" / "run").read_text()

    assert [package for package in PACKAGES.values() if f" {package}" not in script] == []
