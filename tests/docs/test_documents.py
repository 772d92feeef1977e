"""Documents do what they say: local commands run, one shell session a document; tables name all that there is.

Commands on a cluster run in tests/cluster/test_documents.py.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from batt.api import Deadlines, Retries
from batt.fields import MAX_TASKS, NAME_CHARACTERS
from batt.hal.benchmarks.registry import SHIPPED
from batt.hal.outcomes import RULES, Outcome
from batt.message import MESSAGE_BYTES
from batt.shards import MAX_SHARDS, MIN_SHARDS, SHARD_ITEMS
from batt.status import RANGES_CHARACTERS, ConditionType, Phase, Reason
from batt.timing import EDGES
from batt_operator.commands.estimate import POD_SECONDS
from batt_operator.commands.uploads import MAX_BYTES, MAX_FILES
from batt_operator.reconcile import BACKOFF_SECONDS
from batt_operator.settings import Settings
from tests.charts.rendering import render, settings_of
from tests.documents import CLUSTERS, LOCAL, READING, ROOT, commands, documents, places
from tests.gotools import TOOLS

LINK = re.compile(r"\]\((?!https?://)([^)]+)\)")
VALUES = re.compile(r"^```yaml values\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OPERATOR = ROOT / "docs" / "operator.md"
STATUS = ROOT / "docs" / "status.md"
HAL = ROOT / "docs" / "hal.md"
KIND = ROOT / "examples" / "kind"
VERBS = "What the operator may do, and why"


def session(document: Path) -> str:
    """The document's commands; `make` is called in the checkout, since it makes its environment there."""
    return re.sub(r"^make ", f"make -C {ROOT} ", commands(document, LOCAL), flags=re.MULTILINE)


def section(document: Path, title: str) -> str:
    """The text of a document under a heading of second rank."""
    return document.read_text(encoding="utf-8").partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def first_cells(text: str) -> list[str]:
    """What stands as code in the first column of the text's tables."""
    return re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE)


def anchors(document: Path) -> set[str]:
    """The names by which links find the document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", [each for each in documents() if LOCAL in places(each)], ids=lambda d: d.name)
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
def test_every_command_is_of_a_place_where_tests_run_it(document: Path) -> None:
    assert places(document) <= {LOCAL, *CLUSTERS}
    assert document in READING or not places(document) & set(CLUSTERS)


@pytest.mark.parametrize("document", documents(), ids=lambda d: d.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = [link.partition("#") for link in LINK.findall(document.read_text(encoding="utf-8"))]
    targets = [(document.parent / path if path else document, anchor) for path, _, anchor in links]

    broken = [
        f"{path}#{anchor}" for path, anchor in targets if not path.exists() or (anchor and anchor not in anchors(path))
    ]

    assert broken == []


def test_every_reason_is_explained_once_and_no_other() -> None:
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")

    assert sorted(first_cells(text)) == sorted(Reason)


def test_every_phase_and_condition_is_described() -> None:
    assert first_cells(section(STATUS, "Phases")) == list(Phase)
    assert first_cells(section(STATUS, "Conditions")) == list(ConditionType)


def test_the_status_page_names_reasons_that_there_are() -> None:
    text = section(STATUS, "How a Job's end becomes the run's")
    kubernetes = {"FailedIndexes", "MaxFailedIndexesExceeded", "PodFailurePolicy", "DeadlineExceeded"}

    words = set(re.findall(r"`([A-Z][A-Za-z]+)`", text))

    assert words - kubernetes - set(Phase) <= set(Reason)


def test_the_table_of_outcomes_is_the_codes() -> None:
    text = section(HAL, "What an agent's attempt can come to")

    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", text, flags=re.MULTILINE))

    assert list(rows) == list(Outcome)
    for outcome, rule in RULES.items():
        when, _, then = rows[outcome].split(" | ")
        assert when == rule.when
        assert then.endswith(rule.then)


def test_every_benchmark_has_a_row() -> None:
    rows = re.findall(r"^\| `([\w:]+)` \|", section(HAL, "Benchmarks"), flags=re.MULTILINE)

    assert rows == [*SHIPPED, "hal:NAME"]


def test_every_verb_of_the_operator_is_given_a_reason() -> None:
    [role] = [each for each in render() if each["kind"] == "Role"]
    granted = {(kind, verb) for rule in role["rules"] for kind in rule["resources"] for verb in rule["verbs"]}

    told, kind = set(), ""
    for first, verbs in re.findall(r"^\| (\S*) ?\| ([a-z, ]+) \| .+ \|$", section(OPERATOR, VERBS), flags=re.MULTILINE):
        kind = first.strip("`") or kind
        told |= {(kind, verb) for verb in verbs.split(", ")}

    assert told - {("resource", "verbs")} == granted


@pytest.mark.parametrize("values", VALUES.findall(OPERATOR.read_text(encoding="utf-8")))
def test_documented_values_are_taken_by_the_chart(values: str) -> None:
    settings = settings_of(render(yaml.safe_load(values)))

    assert settings.default_pool in settings.pools


def test_pools_and_prices_are_those_of_the_chart() -> None:
    shipped = settings_of(render()).pools
    rows = re.findall(r"^\| `([\w-]+)` \|.*\| ([0-9.]+) USD \|", section(OPERATOR, "Pools"), flags=re.MULTILINE)

    assert {name: float(price) for name, price in rows} == {
        name: pool.price.per_hour for name, pool in shipped.items() if pool.price
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("scale", f"| shards of a run (completions of its work Job) | {MAX_SHARDS:,} |"),
        ("scale", f"| task ids in a run file | {MAX_TASKS:,} of 128 characters |"),
        ("scale", f"| length of a run's name | {NAME_CHARACTERS} |"),
        ("scale", f"| {MAX_FILES:,} files, {MAX_BYTES >> 30} GiB a field |"),
        ("scale", f"| a pod's last words | {MESSAGE_BYTES:,} bytes |"),
        ("scale", f"ranges of failed shards up to {RANGES_CHARACTERS} characters"),
        ("scale", f"`batt cost` counts {POD_SECONDS:g} s of each pod that are no work"),
        ("scale", f"one for every {SHARD_ITEMS:,} candidates, {MIN_SHARDS} at least"),
        (
            "status",
            f"| `spec.deadlines.pendingSeconds` ({Deadlines().pending_seconds:,} s); {BACKOFF_SECONDS:g} s more",
        ),
        ("status", f"else the operator's ({Settings.model_fields['run_seconds'].default / 86400:g} days)"),
        ("status", f"so many times more ({Retries().per_shard})"),
        ("status", f"so many shards may fail ({Retries().failed_shards})"),
        ("results", ", ".join(f"{edge:,g}" for edge in EDGES[:-1]) + f" and {EDGES[-1]:,g} seconds"),
    ],
)
def test_limits_are_those_of_the_code(name: str, text: str) -> None:
    document = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")

    assert text in " ".join(document.split())


def test_the_bucket_for_kind_is_where_its_values_say() -> None:
    service, deployment = yaml.safe_load_all((KIND / "gcs.yaml").read_text(encoding="utf-8"))
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    [port] = service["spec"]["ports"]

    settings = settings_of(render(yaml.safe_load((KIND / "values.yaml").read_text(encoding="utf-8"))))

    address = f"http://{service['spec']['clusterIP']}:{port['port']}"
    assert settings.env == ({"name": "STORAGE_EMULATOR_HOST", "value": address},)
    mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
    assert [f"gs://{Path(mount).name}/runs" for mount in mounts] == [settings.results]


def test_the_bucket_for_kind_is_the_one_that_tests_use() -> None:
    text = (KIND / "gcs.yaml").read_text(encoding="utf-8")
    [tool] = [each for each in TOOLS if each.name == "fake-gcs-server"]

    assert re.findall(r"image: fsouza/fake-gcs-server:(\S+)", text) == [tool.package.partition("@v")[2]]


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
