"""The pages about monitoring name every alert, threshold and panel as it is, and their values are the chart's."""

from __future__ import annotations

import re

import pytest
import yaml

from batt.metrics import METRICS
from dashboards.alerts import alerts
from dashboards.files import boards
from dashboards.queries import shipped
from tests.charts.rendering import defaults, try_render
from tests.documents import ROOT

pytestmark = pytest.mark.timeout(1800)  # the first build of helm takes minutes

ALERTS = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
VALUES = re.findall(r"^```yaml values\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def sections() -> dict[str, str]:
    """The runbooks by alert."""
    _, *parts = ALERTS.split("\n## ")
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in parts}


def told(text: str) -> set[str]:
    """The names in a text that stand in italics."""
    return set(re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", " ".join(text.split())))


def test_every_alert_has_its_runbook_and_no_other() -> None:
    assert list(sections()) == [alert.name for alert in alerts()]
    for name, text in sections().items():
        assert re.findall(r"\*\*(\w+)\*\*: ", text) == ["Means", "Look", "Do"], name


def test_runbooks_name_the_thresholds_of_their_alerts_with_their_defaults() -> None:
    numbers = {"0.25": "a quarter", "0.5": "half"}
    for alert in alerts():
        text = " ".join(sections()[alert.name].split())
        for name in re.findall(r"<(\w+)>", alert.text):
            if name in {"namespace", "runNamespaces"}:
                continue
            value = str(defaults()["metrics"]["rules"]["thresholds"][name])
            shown = numbers.get(value, value)
            assert f"`{name}` ({shown})" in text or f"{shown} (`{name}`)" in text, f"{alert.name}: {name}"


def test_every_alert_is_in_the_list() -> None:
    rows = re.findall(r"^\| \[`(\w+)`\]\(alerts\.md#(\w+)\) \| (\w+) \|", PAGE, flags=re.MULTILINE)

    assert rows == [(alert.name, alert.name.lower(), alert.severity) for alert in alerts()]


def test_panels_are_called_as_they_are() -> None:
    titles = {panel["title"] for _, board in shipped() for panel in board["panels"]}

    assert told(ALERTS) <= titles
    assert told(PAGE) - {"Targets"} <= titles  # Targets: a page of Prometheus
    assert {"Timing summary", "Items"} <= told(PAGE)


def test_every_dashboard_has_its_part() -> None:
    parts = re.findall(r"^### (\w+)$", PAGE.partition("\n## What the dashboards answer\n")[2], flags=re.MULTILINE)

    assert [f"batt / {part}" for part in parts] == [board.title for board in boards()]


@pytest.mark.parametrize("values", VALUES)
def test_documented_values_bring_what_they_are_for(values: str) -> None:
    text, complaint = try_render(yaml.safe_load(values))

    assert complaint == ""
    assert len(re.findall(r"^kind: ", text, flags=re.MULTILINE)) > len(
        re.findall(r"^kind: ", try_render()[0], flags=re.MULTILINE)
    )


def test_metrics_in_the_pages_are_metrics() -> None:
    names = {metric.name for metric in METRICS}

    assert set(re.findall(r"\bbatt_(?!worker_\.)\w+", ALERTS + PAGE)) <= names
