"""The choices above the dashboards, and the matchers by which queries follow them."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import IntervalVariable
from grafana_foundation_sdk.models.dashboard import VariableOption

from batt.metrics import BUILD_INFO, PHASE_SECONDS, RUN_INFO, RUNS
from dashboards.boards import Variable, choice
from dashboards.promql import select

OPERATOR = ('cluster=~"$cluster"', 'namespace=~"$operator"')
"""Series of the chosen operators."""

WORKERS = ('cluster=~"$cluster"',)
"""Series of workers: their `namespace` is that of the runs, not the operator's."""

KINDS = (*OPERATOR, 'kind=~"$kind"')
"""Series of the chosen kinds of runs."""

PHASES = (*KINDS, 'phase=~"$phase"', 'pool=~"$pool"')
"""Series of the chosen phases."""

RUNS_IN = (*OPERATOR, 'run_namespace=~"$run_namespace"')
"""Series of runs in the chosen namespaces."""

WINDOWS = ("1h", "6h", "1d", "7d")
"""How far back a quantile at one moment may look: phases move when an attempt ends, not all the time."""


def operators() -> list[Variable]:
    """Return the choices of cluster and operator."""
    return [
        choice("cluster", "Cluster", f"label_values({select(BUILD_INFO)}, cluster)"),
        choice("operator", "Operator in", f"label_values({select(BUILD_INFO, OPERATOR[0])}, namespace)"),
    ]


def kinds() -> Variable:
    """Return the choice of what runs do."""
    return choice("kind", "Kind", f"label_values({select(RUNS, *OPERATOR)}, kind)")


def phases() -> list[Variable]:
    """Return the choices of phases and pools, and how far back quantiles look."""
    counts = select(PHASE_SECONDS, *KINDS, part="_count")
    window = (
        IntervalVariable("window")
        .label("Over")
        .values(",".join(WINDOWS))
        .auto(False)
        .current(VariableOption(selected=True, text=WINDOWS[-2], value=WINDOWS[-2]))
    )
    return [
        choice("pool", "Pool", f"label_values({counts}, pool)"),
        choice("phase", "Phase", f"label_values({counts}, phase)"),
        window,
    ]


def namespaces() -> Variable:
    """Return the choice of the runs' namespaces."""
    return choice("run_namespace", "Runs in", f"label_values({select(RUN_INFO, *OPERATOR)}, run_namespace)")


def one_run(name: str, label: str) -> Variable:
    """Return the choice of one run."""
    return choice(name, label, f"label_values({select(RUN_INFO, *RUNS_IN)}, run)", is_whole=False)
