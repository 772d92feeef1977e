"""`batt report` and `batt compare` on what is stored: a run's folder, results.json, a bucket, results brought away."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest

from batt.cli import main
from batt.collect import collect
from batt.errors import AlreadyExistsError, InputError, StoreError
from batt.hal.collect import collect_hal
from batt.names import report_path
from batt.report.page import page_html
from batt.reportcommand import find_source, put_page, stored_report
from batt.store import DirectoryStore, open_store
from tests.runs import SOLVE_MIRROR, SOLVE_SAME, SOLVE_TURN, as_written, make_run, plan_run, work_on, write_inputs
from tests.unit.hal import hal_runs

TEXTS = {"a.py": SOLVE_TURN, "b.py": SOLVE_MIRROR, "c.py": SOLVE_SAME, "d.py": "def solve(I):\n    return I.x\n"}


def run_into(base: Path, uri: str = "results", name: str = "small", texts: dict[str, str] | None = None) -> str:
    """Run some solvers with their results under a URI; return the run's folder."""
    write_inputs(base, texts or TEXTS)
    root = open_store(uri, base)
    manifest = plan_run(base, make_run(name, cache=False, shards=2), root=root)
    work_on(manifest, root)
    collect(manifest, root)
    return f"{root.uri}/{manifest.ref.folder}"


def hal_run_into(base: Path) -> str:
    """Run an agent on three questions; return the run's folder."""
    base.mkdir(parents=True, exist_ok=True)
    agent = hal_runs.ECHO.replace("    if ", "    print('asked', question['prompt'])\n    if ")
    hal_runs.write_inputs(base, {"a": ("1", "1"), "b/c": ("2", "no"), "d": ("fail", "3")}, agent)
    root = DirectoryStore(base / "results")
    manifest = hal_runs.planned(hal_runs.make_run(), base, root)
    hal_runs.done(manifest, root, base)
    return f"{root.uri}/{manifest.ref.folder}"


def report_of(folder: str) -> Path:
    return Path(folder) / "out" / "1" / "report.html"


def test_collect_writes_the_report_beside_the_results(tmp_path: Path) -> None:
    page = report_of(run_into(tmp_path)).read_text()

    assert "3 of 3 tasks solved (100.0 %)" in page
    assert "made the result" in page
    assert "candidates/a.py::solve_1a1a1a1a" in page


def test_made_again_from_what_is_stored_it_is_the_same(tmp_path: Path) -> None:
    for folder in (run_into(tmp_path / "solvers"), hal_run_into(tmp_path / "hal")):
        collected = report_of(folder).read_bytes()

        assert page_html(stored_report(find_source(folder))) == collected


def test_a_killed_collect_that_runs_again_makes_the_report_of_the_results_that_are_there(tmp_path: Path) -> None:
    folder = run_into(tmp_path)
    collected = report_of(folder).read_bytes()
    root, manifest = DirectoryStore(tmp_path / "results"), plan_run(tmp_path, make_run(cache=False, shards=2))
    report_of(folder).unlink()

    collect(manifest, root)

    assert report_of(folder).read_bytes() == collected
    report_of(folder).unlink()
    (Path(folder) / "out" / "1" / "results.json").unlink()
    collect(manifest, root)
    assert report_of(folder).read_bytes() == collected


def test_the_log_of_an_agent_is_folded_below_its_task(tmp_path: Path) -> None:
    folder = hal_run_into(tmp_path)

    page = report_of(folder).read_text()

    assert "1 of 3 scored tasks right (33.3 %)" in page
    assert "asked fail" in page
    assert "ValueError: told to" in page
    collect_hal(
        hal_runs.planned(hal_runs.make_run(), tmp_path, DirectoryStore(tmp_path / "results")),
        DirectoryStore(tmp_path / "results"),
    )
    assert report_of(folder).read_text() == page


@pytest.mark.parametrize("named", ["", "/", "/out/1", "/out/1/results.json"])
def test_the_command_makes_a_lost_report_again(
    named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run_into(tmp_path)
    collected = report_of(folder).read_bytes()
    report_of(folder).unlink()
    monkeypatch.chdir(tmp_path)

    assert main(["report", f"{folder}{named}"]) == 0

    assert report_of(folder).read_bytes() == collected
    assert capsys.readouterr().out == "report      results/default/small-00000001/out/1/report.html\n"


@pytest.mark.parametrize(("here", "named"), [("out/1", "results.json"), ("", "."), ("out", "..")])
def test_a_run_is_found_from_within(here: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = run_into(tmp_path)
    collected = report_of(folder).read_bytes()
    report_of(folder).unlink()
    monkeypatch.chdir(Path(folder) / here)

    assert main(["report", named]) == 0

    assert report_of(folder).read_bytes() == collected


def test_a_file_of_its_own_leaves_the_run_as_it_is(tmp_path: Path) -> None:
    folder = run_into(tmp_path)
    before = as_written(Path(folder))

    assert main(["report", folder, "-o", str(tmp_path / "page.html")]) == 0

    assert as_written(Path(folder)) == before
    assert (tmp_path / "page.html").read_bytes() == report_of(folder).read_bytes()


@pytest.mark.parametrize("named", ["results.json", ""])
def test_results_that_were_brought_away_have_a_report_without_a_timeline(named: str, tmp_path: Path) -> None:
    for folder in (run_into(tmp_path / "solvers"), hal_run_into(tmp_path / "hal")):
        away = tmp_path / "away"
        shutil.rmtree(away, ignore_errors=True)
        away.mkdir()
        shutil.copy(Path(folder) / "out" / "1" / "results.json", away)

        assert main(["report", str(away / named)]) == 0

        page = (away / "report.html").read_text()
        assert "Timing summary" in page
        assert 'id="timeline"' not in page


def test_the_page_that_came_with_results_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = Path(run_into(tmp_path)) / "out" / "1"
    shutil.copytree(out, tmp_path / "away")
    before = as_written(tmp_path / "away")

    assert main(["report", str(tmp_path / "away")]) == AlreadyExistsError.exit_code

    assert as_written(tmp_path / "away") == before
    assert "got another page there" in capsys.readouterr().err
    assert "timeline" in (tmp_path / "away" / "report.html").read_text()


def test_a_run_of_an_older_version_has_a_report(tmp_path: Path) -> None:
    folder = run_into(tmp_path)
    report_of(folder).unlink()
    shutil.rmtree(Path(folder) / "attempts", ignore_errors=True)
    root = DirectoryStore(tmp_path / "results")
    for path in root.list(f"{folder.removeprefix(root.uri + '/')}/shards/"):
        value = json.loads(gzip.decompress(root.read(path)))
        for name in ("begin", "end", "pod"):
            del value[name]
        (root.root / path).write_bytes(gzip.compress(json.dumps({**value, "validated": []}).encode()))

    assert main(["report", folder]) == 0

    assert "3 of 3 tasks solved" in report_of(folder).read_text()


def test_a_bucket_gets_the_report_that_it_lacks_and_keeps_the_one_it_has(gcs: str, tmp_path: Path) -> None:
    folder = run_into(tmp_path, f"{gcs}/runs")
    source = find_source(folder)
    collected = source.root.read(f"default/small-00000001/{report_path(1)}")

    assert page_html(stored_report(source)) == collected
    assert put_page(collected, source) == f"{folder}/{report_path(1)}"
    with pytest.raises(
        AlreadyExistsError, match=r"got another page there; only in a run's own folder is it replaced; .*-o"
    ):
        put_page(b"other", source)
    assert main(["report", folder, "-o", str(tmp_path / "page.html")]) == 0
    assert (tmp_path / "page.html").read_bytes() == collected


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"got no manifest\.json there; must be the folder of a run"):
        find_source(str(tmp_path / "empty" / "x"))


def test_a_bucket_without_a_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "gs://"]) == InputError.exit_code
    assert capsys.readouterr().err.startswith("batt: gs://: got no bucket; must be gs://BUCKET")


@pytest.mark.parametrize("output", ["", ".", "/"])
def test_a_folder_is_no_file_to_write(output: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run_into(tmp_path)

    assert main(["report", folder, "-o", output]) == InputError.exit_code

    assert "; must be a file that can be written; choose another by -o" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run_into(tmp_path)

    assert main(["report", folder, "-o", str(tmp_path / "no" / "page.html")]) == InputError.exit_code

    told = capsys.readouterr().err
    assert "page.html: got No such file or directory; must be a file that can be written; choose another by -o" in told


def test_two_runs_are_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = run_into(tmp_path / "a", name="before")
    after = run_into(tmp_path / "b", name="after", texts={**TEXTS, "b.py": SOLVE_MIRROR.replace("hmirror", "vmirror")})
    monkeypatch.chdir(tmp_path)

    assert main(["compare", before, f"{after}/out/1/results.json"]) == 0

    told = capsys.readouterr().out
    assert "score       3 of 3 (100.0 %) -> 2 of 3 (66.7 %)" in told
    assert "1 newly failing" in told
    assert "lost        2b2b2b2b" in told
    assert told.endswith("report      compare.html\n")
    assert "newly failing" in (tmp_path / "compare.html").read_text()


def test_a_comparison_is_json_where_that_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = hal_run_into(tmp_path)

    assert main(["compare", folder, folder, "-o", str(tmp_path / "page.html"), "--json"]) == 0

    value = json.loads(capsys.readouterr().out)
    assert (value["items"], value["alike"], value["newly_failing"]) == (3, 3, [])
    assert value["report"] == str(tmp_path / "page.html")


def test_runs_of_two_kinds_are_refused_by_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    solvers, hal = run_into(tmp_path / "a"), hal_run_into(tmp_path / "b")

    assert main(["compare", solvers, hal, "-o", str(tmp_path / "page.html")]) == InputError.exit_code

    assert "must be two runs of one kind" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("command", [["report"], ["compare", "{}"]])
@pytest.mark.parametrize(
    "got", ['{"schema": 1}', '{"schema": 1, "tasks": 3}', '{"schema": 1, "kind": "hal"}', "[" * 9999]
)
def test_results_of_another_form_are_named(
    got: str, command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run_into(tmp_path)
    path = Path(folder) / "out" / "1" / "results.json"
    path.write_text(got)
    before = as_written(Path(folder))

    code = main([*(part.format(folder) for part in command), folder, "-o", str(tmp_path / "page.html")])

    told = capsys.readouterr().err
    assert code == InputError.exit_code
    assert told.startswith(f"batt: {path}: got ")
    assert "; must be results" in told
    assert "; get " in told
    assert as_written(Path(folder)) == before


@pytest.mark.parametrize("name", ["attempts/local/*", "shards/0.json.gz", "out/1/summary.json", "attempts/0/pod.json"])
@pytest.mark.parametrize("got", ["null", '{"pods": [{"shard": "x"}], "validated": 3, "shards": 3, "made_from": [3]}'])
def test_what_is_stored_in_another_form_is_named(
    got: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in map(Path, (run_into(tmp_path / "solvers"), hal_run_into(tmp_path / "hal"))):
        (folder / "attempts" / "0").mkdir(parents=True)
        (folder / "attempts" / "0" / "pod.json").write_text('{"begin": 1.0}')
        (folder / "attempts" / "local").mkdir()
        (folder / "attempts" / "local" / "one.json").write_text('{"pods": []}')
        [path] = folder.glob(name)
        path.write_bytes(gzip.compress(got.encode()) if path.suffix == ".gz" else got.encode())

        assert main(["report", str(folder)]) in {StoreError.exit_code, InputError.exit_code}

        told = capsys.readouterr().err
        assert told.startswith(f"batt: {path}: got ") or "record.schema: got" in told


def test_results_whose_shards_were_deleted_have_a_report(tmp_path: Path) -> None:
    for folder in (run_into(tmp_path / "solvers"), hal_run_into(tmp_path / "hal")):
        shutil.rmtree(Path(folder) / "shards")

        assert main(["report", folder]) == 0

        assert "Timing summary" in report_of(folder).read_text()
