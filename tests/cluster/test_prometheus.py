"""A real Prometheus scrapes the operator and pods at work, a restart of the operator in between: what it then says.

One run of solvers, the operator killed, one run of an agent, scored twice. All below is asked of that Prometheus.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from batt.metrics import METRICS, PHASE_SECONDS, RUN_PHASE_SECONDS, WORKER_PHASE_SECONDS, Kind, Source
from batt.store import open_store
from batt.timing import PhaseStats, stats_from_json, timing_summary
from dashboards.queries import EVERYTHING, choice_queries, panel_queries
from tests.cluster.commanding import User
from tests.cluster.conftest import Installed
from tests.cluster.daemons import wait_until
from tests.cluster.node import Node
from tests.cluster.operating import run_object, wait_phase, wait_status
from tests.cluster.prometheus import scraped, scraping
from tests.cluster.test_end_to_end import TASKS
from tests.cluster.test_hal import hal_run, upload_spy
from tests.prometheus import Prometheus
from tests.runs import ENDLESS

pytestmark = [pytest.mark.timeout(1800), pytest.mark.node, pytest.mark.full]

TIMEOUT_SECONDS = 5
"""How long a candidate without end keeps a pod busy on a task: those of the starter set are gone before any scrape."""

WIDTH = 1e-6
"""Messages of pods say sums to the microsecond."""


class Story(NamedTuple):
    """What has happened: each run's status and results, and the Prometheus that looked on."""

    prometheus: Prometheus
    here: Installed
    statuses: dict[str, dict[str, Any]]
    results: dict[str, dict[str, Any]]

    def phases(self, run: str) -> dict[str, PhaseStats]:
        """Return the phases of a run's results."""
        return stats_from_json(self.results[run]["phases"])


@pytest.fixture(scope="module")
def story(node: Node, installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The story, told once."""
    folder = tmp_path_factory.mktemp("prometheus")
    restart_operator(installed)  # tests before this one had runs of their own
    with (
        pytest.MonkeyPatch.context() as patch,
        scraping(installed.cluster, installed.namespace, node.network, folder) as here,
    ):
        patch.setenv("STORAGE_EMULATOR_HOST", installed.server)
        wait_until("the operator's first scrape", lambda: now(here, "batt_build_info"))
        statuses = {"seen-solvers": solver_run(installed)}
        wait_until("its count", lambda: total(here, "batt_attempts_finished_total") == 1)
        restart_operator(installed)
        zero = "sum(batt_attempts_finished_total) == 0"
        wait_until("the next operator's first scrape", lambda: now(here, zero))
        statuses["seen-agent"] = agent_run(installed)
        wait_until("its count", lambda: total(here, "increase(batt_attempts_finished_total[1h])") > 1.5)
        statuses["seen-agent"] = scored_again(installed)
        wait_until("its count", lambda: total(here, "increase(batt_attempts_finished_total[1h])") > 2.5)
        yield Story(here, installed, statuses, {name: results_of(status) for name, status in statuses.items()})


def solver_run(here: Installed) -> dict[str, Any]:
    """Validate a candidate without end and a quick one, in two shards of two pods; return the status."""
    candidates = f"{here.store}/{uuid.uuid4().hex}"
    store = open_store(candidates, Path())
    for name, text in {"endless": ENDLESS, "quick": "def solve(I):\n    return rot90(I)\n"}.items():
        store.create(f"{name}.py", text.encode())
    asked = {"tasks": TASKS, "candidates": candidates, "shards": 2, "timeoutSeconds": TIMEOUT_SECONDS}
    here.cluster.apply(run_object("seen-solvers", here.namespace, {"maxConcurrency": 2}, **asked))
    return wait_phase(here.cluster, here.namespace, "seen-solvers", "Complete", seconds=300)


def agent_run(here: Installed) -> dict[str, Any]:
    """Run an agent on two questions; return the status."""
    here.cluster.apply(hal_run("seen-agent", here.namespace, upload_spy(here, "one", "two")))
    return wait_phase(here.cluster, here.namespace, "seen-agent", "Complete", seconds=300)


def scored_again(here: Installed) -> dict[str, Any]:
    """Score the agent's answers once more, as a second attempt; return the status."""
    again = {"spec": {"attempt": 2, "attemptMode": "regrade"}}
    patch = ("--type=merge", "--patch", json.dumps(again))
    here.cluster.kubectl("patch", "brun", "seen-agent", "-n", here.namespace, *patch)

    def is_so(status: dict[str, Any]) -> bool:
        return bool(status["attempt"] == 2 and status["phase"] == "Complete")

    return wait_status(here.cluster, here.namespace, "seen-agent", is_so, "Complete again", seconds=300)


def restart_operator(here: Installed) -> None:
    """Kill the operator's pod, and wait until the next one is well: its counters begin at 0."""
    here.cluster.kubectl("delete", "pod", "-n", here.namespace, "-l", "app.kubernetes.io/component=operator", "--now")
    here.cluster.kubectl("rollout", "status", "-n", here.namespace, "deployment/batt-operator", "--timeout=120s")


def results_of(status: dict[str, Any]) -> dict[str, Any]:
    """Return the results that a run's status points at."""
    store = open_store(status["results"], Path())
    read: dict[str, Any] = json.loads(store.read(f"out/{status['attempt']}/results.json"))
    return read


def now(prometheus: Prometheus, query: str) -> list[tuple[Mapping[str, str], float]]:
    """Return what a query gives now: labels and value of each series."""
    return prometheus.value(query, time.time())


def report_of(status: dict[str, Any]) -> str:
    """Return the page that collect has stored beside the results."""
    return open_store(status["results"], Path()).read(f"out/{status['attempt']}/report.html").decode()


def figures_of(page: str) -> list[tuple[str, str]]:
    """Return phases and seconds as the page's table of them has them: its first two columns."""
    table = page.partition("Timing summary</h2>")[2].partition("</table>")[0]
    rows = [re.sub(r"<[^>]+>", "\n", row).split() for row in table.split("<tr>")[2:]]
    return [(row[0], row[1]) for row in rows]


def total(prometheus: Prometheus, query: str) -> float:
    """Return the sum of what a query gives."""
    return sum(value for _, value in now(prometheus, query))


def grown(prometheus: Prometheus, selector: str) -> float:
    """Return `increase()` of a counter over all that was scraped of it.

    From the first sample to the last: over any other range Prometheus extrapolates, and gives no whole numbers.
    """
    [series] = scraped(prometheus, selector).values()
    begin, end = series[0][0], series[-1][0]
    [(_, value)] = prometheus.value(f"increase({selector}[{round((end - begin) * 1000)}ms])", end)
    return value


def test_every_phase_is_there_from_the_start(story: Story) -> None:
    name = f"{PHASE_SECONDS.name}_count"

    firsts = [series[0][1] for series in scraped(story.prometheus, name).values()]

    assert firsts
    assert set(firsts) == {0}


@pytest.mark.parametrize(("run", "kind", "attempts"), [("seen-solvers", "solvers", 1), ("seen-agent", "hal", 2)])
def test_what_phases_have_grown_by_is_what_results_say_with_a_restart_between(
    story: Story, run: str, kind: str, attempts: int
) -> None:
    phases = story.phases(run)

    assert len(phases) >= 6
    assert phases["main.run_batt"].number == attempts
    for phase, stats in phases.items():
        labels = f'{{kind="{kind}",phase="{phase}",pool="cpu"}}'
        assert grown(story.prometheus, f"{PHASE_SECONDS.name}_count{labels}") == pytest.approx(stats.number, abs=1e-6)
        assert grown(story.prometheus, f"{PHASE_SECONDS.name}_sum{labels}") == pytest.approx(stats.total, abs=WIDTH)
        for place, bucket in ((1.0, 9), (30.0, 12)):
            told = grown(story.prometheus, f'{PHASE_SECONDS.name}_bucket{labels[:-1]},le="{place}"}}')
            assert told == pytest.approx(sum(stats.buckets[:bucket]), abs=1e-6)


def test_the_way_through_the_cluster_is_counted_pod_by_pod(story: Story) -> None:
    for kind, pods in (("solvers", 2), ("hal", 2)):
        for phase in ("queued", "scheduled", "image_pull", "start"):
            labels = f'{{kind="{kind}",phase="cluster.{phase}",pool="cpu"}}'
            assert round(grown(story.prometheus, f"{PHASE_SECONDS.name}_count{labels}")) == pods, (kind, phase)


def test_pods_at_work_have_told_their_own_phases_by_few_series(story: Story) -> None:
    series = scraped(story.prometheus, f"{WORKER_PHASE_SECONDS.name}_count")

    labels = [dict(one) for one in series]
    assert {"run_batt.check_solver_speed"} <= {one["phase"] for one in labels if one["kind"] == "solvers"}
    assert {name for one in labels for name in one} == {"__name__", "instance", "job", "kind", "phase", "pool"}
    assert {one["pool"] for one in labels} == {"cpu"}


def test_every_metric_was_scraped(story: Story) -> None:
    missing = [
        metric.name
        for metric in METRICS
        if not scraped(story.prometheus, metric.name + ("_count" if metric.kind is Kind.HISTOGRAM else ""))
    ]

    assert missing == []


def test_every_query_of_every_dashboard_has_data(story: Story) -> None:
    chosen = {**EVERYTHING, "run": "seen-solvers", "other": "seen-agent"}

    empty = [query for query in panel_queries(chosen) if not now(story.prometheus, query.query)]
    unchosen = [
        choice for choice in choice_queries(chosen) if not [one for one, _ in now(story.prometheus, choice.selector)]
    ]

    assert empty == []
    assert unchosen == []


def test_the_timing_summary_is_the_same_in_terminal_report_and_prometheus(story: Story, tmp_path: Path) -> None:
    for run, status in story.statuses.items():
        told = User(story.here.cluster, story.here.namespace, tmp_path).batt("watch", run).told
        query = f'{RUN_PHASE_SECONDS.name}{{run="{run}"}}'
        figures = {labels["phase"]: PhaseStats(1, value) for labels, value in now(story.prometheus, query)}

        summary = timing_summary(story.phases(run))
        assert summary in told, told
        assert timing_summary(figures) == summary
        assert figures_of(report_of(status)) == re.findall(r"^  (\S+) +([\d.]+)$", summary, re.MULTILINE)
        assert len(figures) == len(status["phases"]) == len(re.findall(r"^  \S+ +[\d.]+$", summary, re.MULTILINE))


def test_no_series_of_a_run_outlives_it(story: Story) -> None:
    here, name = story.here, "gone-soon"
    here.cluster.apply(run_object(name, here.namespace))
    names = [metric.name for metric in METRICS if metric.source is Source.RUN]
    query = f'{{__name__=~"{"|".join(names)}",run="{name}"}}'
    wait_until("its series", lambda: now(story.prometheus, query))

    here.cluster.kubectl("delete", "brun", "-n", here.namespace, name)

    wait_until("no series of it", lambda: not now(story.prometheus, query))
