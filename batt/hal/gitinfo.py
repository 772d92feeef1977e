"""Where an agent's files are from, as git knows it: what HAL's result files call `git_info`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from batt.errors import shown

SECONDS = 10.0
"""How long git may take: it reads a few small files, on a slow disk maybe."""

ADDRESS = re.compile(r"(?:https?://|ssh://git@|git@)([^/:]+)(?::\d+)?[:/](.+?)(?:\.git)?/?")
"""A remote that people can look at in a browser, host and path apart."""


def git_info(folder: Path) -> dict[str, str]:
    """Return commit, branch and remote of the repository that a folder is in; `{"error": why}` where git knows none.

    Never raises. A remote's password is left out.
    """
    try:
        commit, when = ask_git(folder, "log", "-1", "--no-show-signature", "--format=%H %cI").split(" ")
        branch = ask_git(folder, "rev-parse", "--abbrev-ref", "HEAD")
        remotes = ask_git(folder, "config", "--default", "", "--get", "remote.origin.url")
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return {"error": why(error)}
    url = without_secrets(remotes)
    return {
        "commit": commit,
        "repository_url": url,
        "branch": branch,
        "commit_timestamp": when,
        "commit_url": commit_url(url, commit),
    }


def ask_git(folder: Path, *arguments: str) -> str:
    """Return what git says of a folder; raises whatever goes wrong.

    Variables for git are not passed on: they may name another repository, those of a hook for one.
    """
    program = shutil.which("git")
    if program is None:
        raise FileNotFoundError("there is no program git")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    done = subprocess.run(  # noqa: S603 # of the arguments only the folder is not ours, and that is no option
        [program, "-C", str(folder), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=SECONDS,
        env=environment,
    )
    return done.stdout.decode("utf-8", "replace").strip()


def why(error: Exception) -> str:
    """Return why git has said nothing, in a line."""
    if isinstance(error, subprocess.CalledProcessError):
        lines = error.stderr.decode("utf-8", "replace").strip().splitlines()
        return lines[0] if lines else f"git ended with {error.returncode}"
    return f"git cannot be asked: {shown(str(error))}"


def without_secrets(url: str) -> str:
    """Return a remote's address without user, password and parameters."""
    address = url.partition("?")[0]
    return address if "://git@" in address else re.sub(r"(?<=://)[^/]*@", "", address)


def commit_url(url: str, commit: str) -> str:
    """Return where a commit can be looked at, as GitHub and GitLab have it; empty where that is not known."""
    found = ADDRESS.fullmatch(url)
    return f"https://{found[1]}/{found[2]}/commit/{commit}" if found else ""
