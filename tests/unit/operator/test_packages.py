"""`operator/` holds a package and is none itself: else it would stand in the standard library's place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]

SAY = "import operator; print(operator.__file__); print(operator.itemgetter(1)('ab'))"


def test_folder_operator_is_no_package() -> None:
    assert (ROOT / "operator" / "batt_operator" / "__init__.py").is_file()
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_python_in_the_root_of_the_repository_has_the_standard_librarys_operator() -> None:
    command = [sys.executable, "-c", SAY]  # -c puts the current folder first on the path

    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()

    assert not Path(said[0]).is_relative_to(ROOT / "operator")
    assert said[1] == "b"


def test_core_is_imported_without_anything_of_the_cluster() -> None:
    names = "batt.cli", "batt.stages", "batt.laptop.run"
    loaded = "[name for name in sys.modules if name.partition('.')[0] in {'kopf', 'kubernetes', 'batt_operator'}]"
    command = [sys.executable, "-c", f"import sys, {', '.join(names)}; print({loaded})"]

    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    assert said == "[]"
