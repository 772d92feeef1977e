"""Every documented command runs: the `sh` blocks of a document are one shell session in a fresh folder."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://)([^)#]+)\)")


def documents() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def session(document: Path) -> str:
    """The document's commands; `make` is called in the checkout, since it makes its environment there."""
    lines = "\n".join(BLOCK.findall(document.read_text(encoding="utf-8")))
    return re.sub(r"^make ", f"make -C {ROOT} ", lines, flags=re.MULTILINE)


@pytest.mark.parametrize(
    "document", [d for d in documents() if "```sh" in d.read_text(encoding="utf-8")], ids=lambda d: d.name
)
def test_documented_commands_run(document: Path, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", session(document)],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("document", documents(), ids=lambda d: d.name)
def test_links_lead_somewhere(document: Path) -> None:
    broken = [
        link for link in LINK.findall(document.read_text(encoding="utf-8")) if not (document.parent / link).exists()
    ]

    assert broken == []


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda e: e.name)
def test_examples_run(example: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "batt", "run", str(example), "--results", str(tmp_path / "results")]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False)

    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_every_make_target_is_described() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))

    told = subprocess.run(
        ["make", "-C", str(ROOT), "help"], capture_output=True, text=True, timeout=60, check=True
    ).stdout

    assert targets == {line.split()[0] for line in told.splitlines() if line.startswith("  ")}
