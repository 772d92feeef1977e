"""`python -m tests.charts.lint`: the chart by helm lint and kubeconform, with what is built already; builds nothing."""

from __future__ import annotations

import subprocess
import sys

from tests.charts.conform import kubeconform, schemas_folder
from tests.charts.monitorschemas import GOOGLE
from tests.charts.monitorschemas import schemas_folder as monitor_folder
from tests.charts.rendering import CHART, MONITORS, SWITCHES, Manifest, try_render
from tests.gotools import TOOLS, cache_folder, ensure_tool, fingerprint


def main() -> int:
    """Check the chart; return 1 where something is wrong. What cannot be checked here is said, with the remedy."""
    needed = [tool for tool in TOOLS if tool.name in {"helm", "kubeconform"}]
    missing = [tool.name for tool in needed if not (cache_folder() / "tools" / fingerprint(tool) / tool.name).exists()]
    if missing:
        print(f"skipped: helm lint and kubeconform; {' and '.join(missing)} not built here yet (make .venv/tools)")
        return 0
    done = subprocess.run([ensure_tool("helm"), "lint", "--strict", "--quiet", CHART], check=False)
    if not schemas_folder().exists():
        print("skipped: kubeconform; it reads schemas that tests/cluster/test_chart.py leaves (make test)")
        return done.returncode
    switches = {**SWITCHES, **(MONITORS if monitor_folder().exists() else {})}
    if len(switches) == len(SWITCHES):
        print(
            "skipped: kubeconform of monitors; it reads schemas that tests/charts/test_monitoring.py leaves (make test)"
        )
    faults = [f"values {name}: {fault}" for name, values in switches.items() for fault in faults_of(values)]
    print(*faults, sep="\n", end="\n" if faults else "", file=sys.stderr)
    return 1 if faults or done.returncode else 0


def faults_of(values: Manifest) -> list[str]:
    """Return what is wrong with what the chart renders under these values."""
    text, complaint = try_render(values)
    return [complaint] if complaint else kubeconform(text, schemas_folder(), monitor_folder(), GOOGLE)


if __name__ == "__main__":
    sys.exit(main())
