"""Every alert fires when it must and only then, by the rules that the chart renders, in the real promtool."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from batt.timing import MAIN
from dashboards.alerts import INTERVALS, alerts
from tests.charts.rendering import Manifest, render, the
from tests.prometheus import check_rules, try_rules

pytestmark = pytest.mark.timeout(1800)  # the first build of helm takes minutes


class Case(NamedTuple):
    """What Prometheus sees, and whether an alert fires then.

    series: in promtool's notation, a value a step: `0+1x60` counts up for an hour, `_` is none. minute: when it is
    looked at. fires: labels of the alerts that fire. shown: what stands for the value in their texts.
    """

    alert: str
    why: str
    series: Mapping[str, str]
    minute: int
    fires: tuple[Mapping[str, str], ...] = ()
    shown: str = ""
    step: str = "1m"


def named(name: str, labels: Mapping[str, str]) -> str:
    """A series by its name and labels."""
    conditions = ", ".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{name}{{{conditions}}}"


OPERATOR = {"namespace": "runs"}
RUN = {**OPERATOR, "run_namespace": "team", "run": "arc"}
SOLVERS = {**OPERATOR, "kind": "solvers"}
SPOT = {**SOLVERS, "pool": "spot"}
FILTER = {**SOLVERS, "phase": "run_batt.phase1_filter", "pool": "cpu"}

UP = named("batt_build_info", {**OPERATOR, "version": "0.1.0"})
RESYNC = named("batt_resync_age_seconds", OPERATOR)
LOOKS = named("batt_reconcile_duration_seconds_count", OPERATOR)
PENDING = named("batt_oldest_pending_seconds", OPERATOR)
ACTIVE = named("batt_shards", {**SOLVERS, "state": "active"})


def failed_looks(reason: str) -> str:
    """The series of looks that failed."""
    return named("batt_reconcile_errors_total", {**OPERATOR, "reason": reason})


def info(state: str, **others: str) -> str:
    """The series that says where a run stands."""
    return named("batt_run_info", {**RUN, "kind": "solvers", "pool": "cpu", **others, "state": state})


def shards(state: str, **others: str) -> str:
    """The series of a run's shards."""
    return named("batt_run_shards", {**RUN, **others, "state": state})


def attempts(reason: str, **others: str) -> str:
    """The series of attempts that ended for a reason."""
    return named("batt_attempts_finished_total", {**SOLVERS, **others, "reason": reason})


def retries(reason: str, **others: str) -> str:
    """The series of pods without a result."""
    return named("batt_retries_total", {**SPOT, **others, "reason": reason})


def store_errors(instance: str) -> str:
    """The series of a pod's failed operations on the store."""
    return named("batt_worker_store_errors_total", {**SPOT, "instance": instance})


def phase(sums: str, counts: str, **others: str) -> Mapping[str, str]:
    """The series of a phase: seconds in all, and how many."""
    values = {"sum": sums, "count": counts}
    return {named(f"batt_phase_duration_seconds_{part}", {**FILTER, **others}): text for part, text in values.items()}


WEEK, DAY = 1007, 143
"""Steps of ten minutes in a week and in a day, but one."""

EIGHT_DAYS = (WEEK + DAY + 1) * 10
"""Minutes."""

STOOD_STILL = {info("Running"): "1x300", shards("succeeded"): "3x300", shards("active"): "4x300"}

CASES = (
    Case("BattOperatorAbsent", "nothing was ever scraped", {}, 11, (OPERATOR,)),
    Case("BattOperatorAbsent", "the operator went", {UP: "1x20 _x40"}, 40, (OPERATOR,)),
    Case("BattOperatorAbsent", "another release's is there", {UP.replace("runs", "other"): "1x60"}, 30, (OPERATOR,)),
    Case("BattOperatorAbsent", "it is scraped", {UP: "1x60"}, 30),
    Case("BattOperatorAbsent", "it was restarted", {UP: "1x20 _x7 1x20"}, 28),
    Case("BattOperatorNotReconciling", "no resync any more", {RESYNC: "0+60x20"}, 6, (OPERATOR,), "6m 0s"),
    Case(
        "BattOperatorNotReconciling",
        "it is restarted for it again and again",
        {RESYNC: "0+60x5 0+60x5 0+60x5"},
        13,
        (OPERATOR,),
        "5m 0s",
    ),
    Case(
        "BattOperatorNotReconciling",
        "that of one cluster of two",
        {
            named("batt_resync_age_seconds", {**OPERATOR, "cluster": "a"}): "0+60x20",
            named("batt_resync_age_seconds", {**OPERATOR, "cluster": "b"}): "30x20",
        },
        6,
        ({**OPERATOR, "cluster": "a"},),
        "6m 0s",
    ),
    Case("BattOperatorNotReconciling", "resyncs go through", {RESYNC: "0 45 30 15 0 50 20 0 45 30"}, 9),
    Case("BattOperatorNotReconciling", "another release's does not", {RESYNC.replace("runs", "other"): "0+60x20"}, 9),
    Case(
        "BattLooksFailing",
        "half of them",
        {LOOKS: "0+10x60", failed_looks("fault"): "0+3x60", failed_looks("api"): "0+2x60"},
        30,
        (OPERATOR,),
        "50%",
    ),
    Case(
        "BattLooksFailing",
        "half of them, and the operator was restarted",
        {LOOKS: "0+10x20 0+10x20", failed_looks("fault"): "0+5x20 0+5x20"},
        30,
        (OPERATOR,),
        "50%",
    ),
    Case("BattLooksFailing", "one of ten", {LOOKS: "0+10x60", failed_looks("api"): "0+1x60"}, 30),
    Case("BattLooksFailing", "only conflicts", {LOOKS: "0+10x60", failed_looks("conflict"): "0+10x60"}, 30),
    Case("BattLooksFailing", "three of three, then none", {LOOKS: "0+1x3 3x60", failed_looks("api"): "0+1x3 3x60"}, 12),
    Case("BattLooksFailing", "no looks at all", {LOOKS: "7x60", failed_looks("api"): "7x60"}, 30),
    Case("BattRunStuck", "no shard has ended for two hours", STOOD_STILL, 130, (RUN,)),
    Case(
        "BattRunStuck",
        "the same, and the operator was restarted",
        {
            info("Running", instance="a"): "1x60",
            info("Running", instance="b"): "_x60 1x300",
            shards("succeeded", instance="a"): "3x60",
            shards("succeeded", instance="b"): "_x60 3x300",
        },
        130,
        (RUN,),
    ),
    Case("BattRunStuck", "no shard is known, it plans", {info("Planning"): "1x300"}, 130, (RUN,)),
    Case("BattRunStuck", "shards get done", {**STOOD_STILL, shards("succeeded"): "3x60 4x300"}, 130),
    Case("BattRunStuck", "shards fail, which is another matter", {**STOOD_STILL, shards("failed"): "0x60 1x300"}, 130),
    Case(
        "BattRunStuck", "it began an hour ago", {info("Running"): "_x70 1x300", shards("succeeded"): "_x70 0x300"}, 130
    ),
    Case(
        "BattRunStuck",
        "it was suspended meanwhile",
        {**STOOD_STILL, info("Running"): "1x30 _x30 1x300", info("Suspended"): "_x30 1x30"},
        130,
    ),
    Case(
        "BattRunStuck",
        "it has only just been planned",
        {info("Planning"): "1x60", info("Running"): "_x60 1x300", shards("succeeded"): "0x300"},
        130,
    ),
    Case("BattRunStuck", "it has ended", {info("Running"): "1x60", info("Complete"): "_x60 1x300"}, 190),
    Case("BattRunStuck", "it waits in a queue", {info("Suspended"): "1x300"}, 190),
    Case("BattRunPending", "for sixteen minutes", {PENDING: "0+60x60"}, 16, (OPERATOR,), "16m 0s"),
    Case("BattRunPending", "for fifteen", {PENDING: "0+60x60"}, 15),
    Case("BattRunPending", "none waits", {PENDING: "0x60"}, 30),
    Case(
        "BattRunsFailing",
        "three of four",
        {attempts("TooManyFailures"): "0x10 3x60", attempts("AllShardsDone"): "0x10 1x60"},
        30,
        (SOLVERS,),
        "75%",
    ),
    Case(
        "BattRunsFailing",
        "four, before and after a restart of the operator",
        {attempts("ConfigError"): "0x10 2x10 0x5 2x60", attempts("AllShardsDone"): "0x60"},
        40,
        (SOLVERS,),
        "100%",
    ),
    Case(
        "BattRunsFailing",
        "those of one kind",
        {
            attempts("StageFailed", kind="hal"): "0x10 4x60",
            attempts("StageFailed"): "0x60",
            attempts("AllShardsDone"): "0x10 9x60",
        },
        30,
        ({**OPERATOR, "kind": "hal"},),
        "100%",
    ),
    Case("BattRunsFailing", "two of two", {attempts("StageFailed"): "0x10 2x60"}, 30),
    Case(
        "BattRunsFailing",
        "three of ten",
        {attempts("StageFailed"): "0x10 3x60", attempts("AllShardsDone"): "0x10 7x60"},
        30,
    ),
    Case(
        "BattRunsFailing",
        "cancelled by people, and failures that were allowed",
        {attempts("Cancelled"): "0x10 5x60", attempts("CompletedWithFailures"): "0x10 5x60"},
        30,
    ),
    Case("BattRunsFailing", "seven hours ago", {attempts("StageFailed"): "0x10 9x500"}, 440),
    Case(
        "BattPreemptionStorm",
        "twice as many as are at work",
        {retries("preempted"): "0x10 20x60", ACTIVE: "10x60"},
        20,
        ({**OPERATOR, "pool": "spot"},),
        "20",
    ),
    Case(
        "BattPreemptionStorm",
        "the same, and the operator was restarted",
        {retries("preempted"): "0x10 8x5 0x3 12x60", ACTIVE: "10x60"},
        30,
        ({**OPERATOR, "pool": "spot"},),
        "20",
    ),
    Case(
        "BattPreemptionStorm",
        "none is left at work; another pool has its own",
        {retries("preempted"): "0x10 20x60", retries("preempted", pool="l4"): "0x10 1x60", ACTIVE: "0x60"},
        20,
        ({**OPERATOR, "pool": "spot"},),
        "20",
    ),
    Case("BattPreemptionStorm", "few of many at work", {retries("preempted"): "0x10 20x60", ACTIVE: "100x60"}, 20),
    Case("BattPreemptionStorm", "a handful", {retries("preempted"): "0x10 9x60", ACTIVE: "5x60"}, 20),
    Case("BattPreemptionStorm", "for another reason", {retries("error"): "0x10 90x60", ACTIVE: "10x60"}, 20),
    Case("BattPreemptionStorm", "an hour ago", {retries("preempted"): "0x10 20x90", ACTIVE: "10x90"}, 75),
    Case("BattStoreErrors", "it ended three pods", {retries("store"): "0x5 3x60"}, 10, (SPOT,), "3"),
    Case(
        "BattStoreErrors",
        "operations failed in two pods",
        {store_errors("10.0.0.1:9464"): "0x5 30x60", store_errors("10.0.0.2:9464"): "0x5 30x60"},
        10,
        (SPOT,),
        "60",
    ),
    Case("BattStoreErrors", "it ended two pods", {retries("store"): "0x5 2x60"}, 10),
    Case("BattStoreErrors", "some operations failed", {store_errors("10.0.0.1:9464"): "0x5 40x60"}, 10),
    Case("BattStoreErrors", "pods ended otherwise", {retries("evicted"): "0x5 30x60"}, 10),
    Case(
        "BattPhaseSlow",
        "three times as slow since a day",
        phase(f"0+10x{WEEK} {WEEK * 10 + 30}+30x{DAY}", f"0+1x{WEEK + DAY + 1}"),
        EIGHT_DAYS,
        (FILTER,),
        "3",
        "10m",
    ),
    Case(
        "BattPhaseSlow",
        "the same, and the operator was restarted in between",
        phase(f"0+10x500 0+10x{WEEK - 501} {(WEEK - 500) * 10 + 20}+30x{DAY}", f"0+1x500 0+1x{WEEK - 501 + DAY + 1}"),
        EIGHT_DAYS,
        (FILTER,),
        "3",
        "10m",
    ),
    Case("BattPhaseSlow", "as ever", phase("0+10x1200", "0+1x1200"), EIGHT_DAYS, step="10m"),
    Case(
        "BattPhaseSlow",
        "slow, but ten times only",
        phase(f"0+10x{WEEK} {WEEK * 10 + 100}+100x9 {WEEK * 10 + 1000}x{DAY}", f"0+1x{WEEK + 10} {WEEK + 10}x{DAY}"),
        EIGHT_DAYS,
        step="10m",
    ),
    Case(
        "BattPhaseSlow",
        "slow, and too quick to care",
        phase(f"0+0.01x{WEEK} {WEEK * 0.01 + 0.03}+0.03x{DAY}", f"0+1x{WEEK + DAY + 1}"),
        EIGHT_DAYS,
        step="10m",
    ),
    Case(
        "BattPhaseSlow", "without a history", phase(f"_x{WEEK} 0+99x200", f"_x{WEEK} 0+1x200"), EIGHT_DAYS, step="10m"
    ),
    Case(
        "BattPhaseSlow",
        "a pool new to it, slower than the other one",
        {**phase("0+10x1200", "0+1x1200"), **phase(f"_x{WEEK} 0+99x200", f"_x{WEEK} 0+1x200", pool="l4")},
        EIGHT_DAYS,
        step="10m",
    ),
    Case(
        "BattPhaseSlow",
        "the whole run, which is as long as its inputs",
        phase(f"0+10x{WEEK} {WEEK * 10 + 30}+30x{DAY}", f"0+1x{WEEK + DAY + 1}", phase=MAIN),
        EIGHT_DAYS,
        step="10m",
    ),
)


@pytest.fixture(scope="module")
def rules() -> Manifest:
    """The rules of a release, as Prometheus reads them."""
    return rules_with({})


def rules_with(thresholds: Mapping[str, Any], **values: Any) -> Manifest:
    """The rules that the chart renders with these thresholds and other values."""
    metrics = {"rules": {"prometheusRule": {"enabled": True}, "thresholds": dict(thresholds)}}
    spec: Manifest = the(render({"metrics": metrics, **values}), "PrometheusRule")["spec"]
    return spec


def differences(rules: Manifest, case: Case, folder: Path) -> str:
    """What promtool finds that is not as the case says."""
    [group] = [group for group in rules["groups"] if case.alert in {rule["alert"] for rule in group["rules"]}]
    [rule] = [rule for rule in group["rules"] if rule["alert"] == case.alert]
    fires = [
        {"exp_labels": {**rule["labels"], **labels}, "exp_annotations": texts(rule, labels, case)}
        for labels in case.fires
    ]
    told = {
        "interval": case.step,
        "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
        "alert_rule_test": [{"eval_time": f"{case.minute}m", "alertname": case.alert, "exp_alerts": fires}],
    }
    return try_rules({"groups": [group]}, told, folder)


def texts(rule: Manifest, labels: Mapping[str, str], case: Case) -> dict[str, str]:
    """The annotations of an alert with its labels and value filled in."""

    def filled(text: str) -> str:
        text = re.sub(r"{{ \$value [^}]*}}", case.shown or "?", text)
        return re.sub(r"{{ \$labels\.(\w+) }}", lambda found: labels[found[1]], text)

    return {name: filled(text) for name, text in rule["annotations"].items()}


def test_promtool_takes_the_rules(rules: Manifest, tmp_path: Path) -> None:
    assert check_rules(rules, tmp_path) == ""


def test_promtool_refuses_a_broken_rule(tmp_path: Path) -> None:
    broken = {"groups": [{"name": "broken", "rules": [{"alert": "Broken", "expr": "sum(batt_runs"}]}]}

    assert "unclosed left parenthesis" in check_rules(broken, tmp_path)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.alert}: {case.why}")
def test_an_alert_fires_when_it_must_and_only_then(rules: Manifest, case: Case, tmp_path: Path) -> None:
    assert differences(rules, case, tmp_path) == ""


def test_a_case_that_expects_the_wrong_thing_is_found_out(rules: Manifest, tmp_path: Path) -> None:
    """The check can fail, by what fires and by what is said."""
    [fires] = [case for case in CASES if case.why == "for sixteen minutes"]

    assert "BattRunPending" in differences(rules, fires._replace(fires=()), tmp_path)
    assert "17m" in differences(rules, fires._replace(shown="17m 0s"), tmp_path)


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    for alert in alerts():
        assert {bool(case.fires) for case in CASES if case.alert == alert.name} == {True, False}, alert.name


@pytest.mark.parametrize("alert", [alert.name for alert in alerts() if alert.name != "BattOperatorAbsent"])
def test_where_nothing_is_scraped_only_the_operator_is_missed(rules: Manifest, alert: str, tmp_path: Path) -> None:
    assert differences(rules, Case(alert, "nothing is scraped", {}, 60), tmp_path) == ""


def test_thresholds_are_the_user_s(tmp_path: Path) -> None:
    rules = rules_with({"pendingSeconds": 60, "stuck": "20m", "failureRatio": 0.8, "preemptions": 50, "storePods": 0})

    assert check_rules(rules, tmp_path) == ""
    changed = (
        Case("BattRunPending", "two minutes", {PENDING: "0+60x60"}, 2, (OPERATOR,), "2m 0s"),
        Case("BattRunStuck", "half an hour", STOOD_STILL, 30, (RUN,)),
        Case("BattStoreErrors", "one pod", {retries("store"): "0x5 1x60"}, 10, (SPOT,), "1"),
        *(case._replace(fires=()) for case in CASES if case.why in {"three of four", "twice as many as are at work"}),
    )
    assert [differences(rules, case, tmp_path) for case in changed] == [""] * len(changed)


def test_nothing_is_left_to_fill_in(rules: Manifest) -> None:
    shipped = (Path(__file__).parents[2] / "charts" / "batt" / "files" / "rules.yaml").read_text()

    assert not re.findall(r"<\w+>", str(rules))
    assert "<stuck>" in shipped


def test_rules_are_about_the_release_and_the_runs_that_it_looks_after() -> None:
    here, everywhere = (str(rules_with({}, watch=watch)) for watch in ({"namespace": "team"}, {"allNamespaces": True}))

    assert 'namespace="runs"' in here
    assert 'namespace=~"team"' in here
    assert 'namespace=~".*"' in everywhere


def test_every_alert_is_told_with_how_bad_it_is_what_it_is_and_where_its_runbook_is(rules: Manifest) -> None:
    assert [group["name"] for group in rules["groups"]] == list(INTERVALS)
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
        assert rule["annotations"]["runbook_url"] == f"docs/alerts.md#{rule['alert'].lower()}"
        assert re.fullmatch(r"[A-Z{].*\.", rule["annotations"]["summary"])


def test_runbooks_may_be_read_elsewhere() -> None:
    metrics = {"rules": {"prometheusRule": {"enabled": True}, "runbooks": "https://example.org/batt/alerts"}}
    spec = the(render({"metrics": metrics}), "PrometheusRule")["spec"]

    address = spec["groups"][0]["rules"][0]["annotations"]["runbook_url"]

    assert address == "https://example.org/batt/alerts#battoperatorabsent"


def test_google_s_rules_are_the_same() -> None:
    both = {"prometheusRule": {"enabled": True}, "clusterRules": {"enabled": True}}
    objects = render({"metrics": {"rules": both}})

    assert the(objects, "ClusterRules")["spec"] == the(objects, "PrometheusRule")["spec"]
