"""Where an agent is from, as git knows it; whatever it does not know is told, and never raised."""

import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from batt.hal.gitinfo import git_info

git = pytest.mark.skipif(shutil.which("git") is None, reason="needs the program git (apt-get install git)")


def commit(folder: Path, *remote: str) -> None:
    """Make a repository with one commit."""
    for arguments in (
        ["init", "-q", "-b", "trunk"],
        ["commit", "-q", "--allow-empty", "-m", "x"],
        *[["remote", "add", "origin", one] for one in remote],
    ):
        names = ["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", "-C", str(folder), *names, *arguments], check=True)


@git
@pytest.mark.parametrize(
    ("remote", "url", "page"),
    [
        ("git@github.com:o/r.git", "git@github.com:o/r.git", "https://github.com/o/r"),
        ("https://github.com/o/r", "https://github.com/o/r", "https://github.com/o/r"),
        ("https://me:pass@word@git.example.com:8443/o/r.git?t=1", "https://git.example.com:8443/o/r.git", "https://git.example.com/o/r"),
        ("ssh://git@github.com/o/r.git", "ssh://git@github.com/o/r.git", "https://github.com/o/r"),
        ("/srv/git/r.git", "/srv/git/r.git", ""),
    ],
)  # fmt: skip
def test_git_tells_where_files_are_from(tmp_path: Path, remote: str, url: str, page: str) -> None:
    commit(tmp_path, remote)

    told = git_info(tmp_path)

    assert list(told) == ["commit", "repository_url", "branch", "commit_timestamp", "commit_url"]
    assert (told["repository_url"], told["branch"]) == (url, "trunk")
    assert told["commit_url"] == (f"{page}/commit/{told['commit']}" if page else "")
    assert len(told["commit"]) == 40
    assert datetime.fromisoformat(told["commit_timestamp"]).tzinfo


@git
def test_a_repository_without_remote_has_no_address(tmp_path: Path) -> None:
    commit(tmp_path)

    assert (git_info(tmp_path)["repository_url"], git_info(tmp_path)["commit_url"]) == ("", "")


@git
def test_a_hooks_variables_do_not_lead_to_another_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hook").mkdir()
    (tmp_path / "agent").mkdir()
    commit(tmp_path / "hook")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "hook" / ".git"))

    assert list(git_info(tmp_path / "agent")) == ["error"]


@git
@pytest.mark.parametrize("name", ["plain", "not/there", "nul\0"])
def test_a_folder_of_no_repository_is_an_error_that_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "plain").mkdir()

    told = git_info(tmp_path / name)

    assert list(told) == ["error"]
    assert told["error"]


def test_a_machine_without_git_is_an_error_that_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert git_info(tmp_path) == {"error": "git cannot be asked: 'there is no program git'"}
