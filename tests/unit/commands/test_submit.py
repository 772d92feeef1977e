"""`batt submit` before it asks the cluster: what it makes of file and flags."""

import argparse
from pathlib import Path
from typing import Any

import pytest

from batt.api import BenchmarkRun
from batt.errors import SpecError
from batt_operator.commands.client import Target
from batt_operator.commands.runs import read_run
from batt_operator.commands.submit import (
    Applied,
    Progress,
    asked_run,
    manifest_of,
    outcome_line,
    submit_target,
    upload_root,
)
from batt_operator.commands.uploads import Upload, UploadFile
from tests.clusterruns import ended, run_json
from tests.runs import make_run

FILE = """
apiVersion: batt.dev/v1alpha1
kind: BenchmarkRun
metadata: {name: mine}
spec:
  solvers: {dataset: arc-agi-1/training, candidates: "builtin:starter"}
"""

SOME = Upload("candidates", "candidates", (UploadFile("candidates/a.py", Path("a.py"), "00", 1_500_000),))


def asked(tmp_path: Path, text: str = FILE, name: str | None = None, results: str | None = None) -> BenchmarkRun:
    file = tmp_path / "run.yaml"
    file.write_text(text)
    return asked_run(argparse.Namespace(file=file, name=name, results=results))


def test_the_manifest_holds_what_the_file_says_and_no_defaults(tmp_path: Path) -> None:
    assert manifest_of(asked(tmp_path)) == {
        "apiVersion": "batt.dev/v1alpha1",
        "kind": "BenchmarkRun",
        "metadata": {"name": "mine"},
        "spec": {"solvers": {"dataset": "arc-agi-1/training", "candidates": "builtin:starter"}},
    }


def test_flags_stand_in_the_place_of_the_files_words(tmp_path: Path) -> None:
    manifest = manifest_of(asked(tmp_path, name="other", results="gs://bucket/r"))

    assert manifest["metadata"]["name"] == "other"
    assert manifest["spec"]["results"] == "gs://bucket/r"


def test_a_name_that_no_run_can_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"metadata.name: got 'Not a name'; must be lower-case"):
        asked(tmp_path, name="Not a name")


def test_results_on_this_machine_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"spec\.results: got './here'; must be gs://BUCKET/PATH on a cluster"):
        asked(tmp_path, f"{FILE}  results: ./here\n")


def nowhere() -> str | None:
    """Stand for a cluster that does not tell its operator's bucket."""
    return None


def with_results(**spec: Any) -> BenchmarkRun:
    return make_run(spec=spec)


def test_uploads_go_below_the_results_or_where_the_flag_says() -> None:
    run = with_results(results="gs://bucket/r/")

    assert upload_root(run, None, [SOME], nowhere) == "gs://bucket/r/uploads"
    assert upload_root(run, "gs://other/in", [SOME], nowhere) == "gs://other/in"


def test_uploads_go_to_the_operators_bucket_where_the_run_names_none() -> None:
    assert upload_root(with_results(), None, [SOME], lambda: "gs://operators/runs/") == "gs://operators/runs/uploads"


def test_without_a_bucket_there_is_no_place_for_uploads() -> None:
    with pytest.raises(SpecError, match=r"spec\.results: got nothing; must be known: candidates must be uploaded"):
        upload_root(with_results(), None, [SOME], nowhere)


def test_nothing_to_upload_needs_no_bucket() -> None:
    assert upload_root(with_results(), None, [], nowhere) == ""


def test_uploads_to_a_folder_are_refused_as_pods_cannot_read_it() -> None:
    with pytest.raises(SpecError, match=r"--upload-to: got '\./x'; must be gs://BUCKET/PATH"):
        upload_root(with_results(), "./x", [SOME], nowhere)


def test_the_files_namespace_counts_and_must_not_contradict_the_flag(tmp_path: Path) -> None:
    here = asked(tmp_path, FILE.replace("{name: mine}", "{name: mine, namespace: team}"))

    assert submit_target(here, Target(None, None, "")).namespace == "team"
    assert submit_target(asked(tmp_path), Target(None, None, "")).namespace == ""
    assert submit_target(asked(tmp_path), Target(None, None, "other")).namespace == "other"
    with pytest.raises(SpecError, match=r"metadata\.namespace: got 'team'; must be other, as -n says"):
        submit_target(here, Target(None, None, "other"))


def test_the_outcome_says_what_to_type_next() -> None:
    created = outcome_line(Applied("created", read_run(run_json())), Path("run.yaml"))
    again = outcome_line(Applied("unchanged", ended()), Path("run.yaml"))

    assert created == "mine: created in namespace team; follow it: batt watch mine"
    assert again == (
        "mine: unchanged; it has ended (Complete); "
        "to run it again: batt submit run.yaml --name OTHER, or batt retry-failed mine"
    )


def test_the_progress_of_an_upload_counts_files_and_megabytes() -> None:
    progress = Progress("candidates", SOME.files)
    before = progress.standing()

    progress.sent(SOME.files[0])

    assert (before, progress.standing()) == ("0/1 file, 0.0/1.5 MB", "1/1 file, 1.5/1.5 MB")
