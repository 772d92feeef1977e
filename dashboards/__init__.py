"""What people see of batt: Grafana dashboards and Prometheus alerts, made from the names in batt/metrics.py.

    batt/metrics.py ──> promql.py ──┬─> runs.py, phases.py, operator.py ── panels.py ──> charts/batt/dashboards/*.json
                                    └─> alerts.py ────────────────────────────────────> charts/batt/files/rules.yaml

Nothing of this is installed with batt: `python -m dashboards write` makes what the chart ships.
"""
