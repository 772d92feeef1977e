"""Names that cross a process: object paths, exit codes. Each says who writes and who reads it."""

from __future__ import annotations

MANIFEST = "manifest.json"
"""What a run does, frozen. Written by plan; read by work and collect."""

CACHE_FOLDER = "cache"
"""Under the results folder, beside the runs: what was found out once. Written by work; read by plan."""

SOLVER_MD5 = "solver_md5"
"""Under the results folder: one file a solver, named by the md5 of its inlined text. Written by collect."""

SOLVER_DIR = "solver_dir"
"""Under the results folder: solve_<task>/<o score>/<t_log>/<md5>.py, links into SOLVER_MD5. Written by collect."""

DIFFER_MD5 = "differ_md5"
"""Under the results folder: one file a differ. Written by collect."""

DIFFER_DIR = "differ_dir"
"""Under the results folder: <iz or zo>/solve_<task>/<score>/<t_log>/<md5>.py. Written by collect."""

SESSIONS = "attempts/local/"
"""In a run's folder: notes of sessions on a laptop, one a session (pods of a cluster leave one each)."""

EXIT_FAULT_OF_BATT = 70
"""A process with an exception that nobody expected: trying again gives the same. Read by whoever started it."""

EXIT_ASKED_TO_STOP = 75
"""A worker that got SIGTERM and stored what it had. Read by whoever started it: start it again."""


def run_pointer(namespace: str, name: str, inputs_digest: str, uid: str = "") -> str:
    """Return the path of the object that says which runs have these inputs; without uid, the prefix of all of them.

    Written by plan, before the manifest; listed by `batt run`, which resumes an unfinished run with equal inputs.
    """
    return f"index/{namespace}/{name}/{inputs_digest[:32]}-{uid}"


def run_folder(namespace: str, name: str, uid: str) -> str:
    """Return the folder of a run under the results folder."""
    return f"{namespace}/{name}-{uid}"


def input_object(digest: str) -> str:
    """Return the path of an input, named by its content. Written by plan; listed in the manifest."""
    return f"inputs/{digest[:32]}.json.gz"


def shard_result(index: int, attempt: int = 1) -> str:
    """Return the path of what one shard found out. Written by work; read by collect, the highest attempt counts."""
    return f"shards/{index}.json.gz" if attempt == 1 else f"shards/{index}.{attempt}.json.gz"


def progress_folder(index: int) -> str:
    """Return the folder of a shard's progress segments."""
    return f"progress/{index}/"


def progress_segment(index: int, writer: str, sequence: int) -> str:
    """Return the path of one progress segment. Written by work; read by the work that takes over."""
    return f"{progress_folder(index)}{writer}-{sequence:06d}.json.gz"


def attempt_plan(attempt: int) -> str:
    """Return the path of what an attempt after the first works on. Written by its plan; read by its work."""
    return f"attempts/{attempt}.json"


def attempt_begin(shard: int, pod_uid: str) -> str:
    """Return the path of a pod's note that it begins to work on a shard. Written by work; read by collect."""
    return f"attempts/{shard}/{pod_uid}.json"


def attempt_end(shard: int, pod_uid: str) -> str:
    """Return the path of a pod's note that it has ended. Written by work, unless it is killed; read by collect."""
    return f"attempts/{shard}/{pod_uid}.end.json"


def session_note(session: str) -> str:
    """Return the path of what a laptop's processes did in one session. Written by `batt run`; read for reports."""
    return f"{SESSIONS}{session}.json"


def task_files(index: int, attempt: int = 1) -> str:
    """Return the path of the files that an agent has left behind. Written by work; read by collect, with its result."""
    return f"tasks/{index}.{attempt}.tar.gz"


def evaluation_result(first: str, grade: int = 1) -> str:
    """Return the path of what some outputs are worth, named by the first of them. Written by evaluate; read by collect.

    grade: how often the run's outputs have been scored anew; what the highest says counts.
    """
    return f"evaluations/{grade}/{first}.json.gz"


def results_path(attempt: int) -> str:
    """Return the path of an attempt's results. Written by collect; read by users."""
    return f"out/{attempt}/results.json"


def summary_path(attempt: int) -> str:
    """Return the path of what an attempt's results say in short, and from which shard results they were made.

    Written by collect, before the results; read by a collect that is run again, and to tell whether a run is finished.
    """
    return f"out/{attempt}/summary.json"


def report_path(attempt: int) -> str:
    """Return the path of an attempt's results as a page. Written by collect and `batt report`; read by users."""
    return f"out/{attempt}/report.html"


def hal_pointer(run_id: str) -> str:
    """Return the path of the object that says which run has one of HAL's ids. Written by plan; read to continue it."""
    return f"index/hal/{run_id}.json"


def hal_file(attempt: int, benchmark: str, run_id: str) -> str:
    """Return the folder of an attempt's HAL files, of one repeat. Written by collect; read by users and HAL's tools."""
    return f"out/{attempt}/{benchmark}/{run_id}"
