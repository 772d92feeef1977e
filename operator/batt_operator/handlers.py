"""The shell around the operator: kopf watches runs and our Jobs; what it sees wakes the controller. Nothing else.

No handler stores anything on objects, returns anything or needs a finalizer: a run can be deleted while the operator
is down, and an operator that starts finds everything out by listing.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import kopf

from batt.api import GROUP, VERSION
from batt.exporter import metrics_page
from batt.web import serve
from batt_operator.cluster import MANAGED_BY, PLURAL, ApiError, Cluster, Raw, RunKey, open_api
from batt_operator.controller import Controller
from batt_operator.executor import Executor
from batt_operator.exporter import Ages, Metrics
from batt_operator.fleet import Fleet
from batt_operator.health import Health, health_page, version_of
from batt_operator.ledger import Ledger
from batt_operator.logs import log_as_json
from batt_operator.observed import is_settled
from batt_operator.retries import FailedPods, WorkJob, count_retries, work_jobs
from batt_operator.settings import Settings, load_settings

CONFIG = Path("/etc/batt/config.yaml")
"""Where the chart puts the configuration; BATT_CONFIG names another place."""

INACTIVE_SECONDS = 600
"""How long one watch request lasts at most: a connection that died in silence is noticed by then at the latest."""

LOG = logging.getLogger("batt_operator")
"""The operator's log."""


class Operator:
    """What lives as long as the operator does."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        api = open_api()
        self.cluster = Cluster(api, settings.namespace)
        self.fleet = Fleet(settings.default_pool)
        self.metrics = Metrics(settings, self.fleet, self.ages, now)
        api.answered = self.metrics.asked
        self.failed = FailedPods(now())
        ledger = Ledger(self.cluster, settings, self.metrics, self.failed)
        self.executor = Executor(self.cluster, settings, now, ledger.fold)
        self.controller = Controller(self.executor.reconcile, self.executor.tell_fault, self.metrics.looked)
        self.health = Health(settings.resync_seconds)
        pages = {
            "/healthz": lambda: health_page(self.health),
            "/metrics": lambda: metrics_page(self.metrics.families),
        }
        self.server = serve(settings.health_port, pages)

    def resync(self) -> None:
        """List all runs and Jobs, find out whether the watches have told of them, and wake the runs that go on.

        Those that have ended are the most, and cost two requests a look; the time to live of theirs is due by itself.
        """
        runs, jobs = self.cluster.list_runs(), self.cluster.list_all_jobs()
        self.health.listed("benchmarkruns", map(version_of, runs))
        self.health.listed("jobs", map(version_of, jobs))
        for raw in runs:
            if not is_settled(raw):
                self.controller.wake(key_of(raw))
        self.health.resynced()
        self.fleet.listed(runs)
        self.count_retries(work_jobs(jobs))
        self.failed.keep({version_of(raw).uid for raw in jobs})

    def count_retries(self, jobs: Sequence[WorkJob]) -> None:
        """Count pods of the work that have failed."""
        runs = {run.key: run for run in self.fleet.all()}

        def tell(job: WorkJob, reasons: list[str]) -> None:
            run = runs.get(job.key)
            if run is not None:
                pool = self.settings.pool_for_gpu() if job.is_with_gpu else run.pool
                self.metrics.retried(run.kind, pool, reasons)

        count_retries(self.cluster, jobs, self.failed, tell)

    def ages(self) -> Ages:
        """Return how the resync and the watches are."""
        watches = self.health.watch_ages((PLURAL, "jobs"))
        return Ages(self.health.resync_age(), watches, self.controller.queued())


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def key_of(raw: Raw) -> RunKey:
    """Return the key of a run."""
    return RunKey(raw["metadata"]["namespace"], raw["metadata"]["name"])


@kopf.on.startup()
async def start(settings: kopf.OperatorSettings, memo: kopf.Memo, **_: Any) -> None:
    """Set kopf up, start the controller and the resync."""
    log_as_json()
    operator = Operator(load_settings(Path(os.environ.get("BATT_CONFIG", CONFIG))))
    settings.posting.enabled = False  # events are ours to tell
    settings.scanning.disabled = True  # no watch of CRDs and namespaces: the role allows none
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    settings.watching.server_timeout = INACTIVE_SECONDS  # whole seconds: it goes into the URL as it is
    settings.watching.chunk_size = 500
    settings.watching.label_selectors["batch", "v1", "jobs"] = MANAGED_BY
    memo.operator = operator
    memo.stopping = asyncio.Event()
    operator.controller.start()
    memo.resync = asyncio.create_task(resync_for_ever(operator, memo.stopping))
    LOG.info("started", extra={"watches": operator.settings.namespace or "all namespaces"})


@kopf.on.cleanup()
async def stop(memo: kopf.Memo, **_: Any) -> None:
    """Finish the writes that are going on, and leave."""
    memo.stopping.set()
    await memo.resync
    await asyncio.to_thread(memo.operator.controller.stop)
    memo.operator.server.stop()
    LOG.info("stopped")


async def resync_for_ever(operator: Operator, stopping: asyncio.Event) -> None:
    """Resync again and again until the operator stops; a failure is logged, and shows in /healthz if it lasts."""
    while not stopping.is_set():
        try:
            await asyncio.to_thread(operator.resync)
        except ApiError as error:
            LOG.error("resync failed", extra={"error": str(error)})  # noqa: TRY400 # a trace would tell nothing more
        except Exception:
            LOG.exception("resync failed")
        try:
            await asyncio.wait_for(stopping.wait(), operator.settings.resync_seconds)
        except TimeoutError:
            continue


@kopf.on.event(GROUP, VERSION, PLURAL)
async def on_run(event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    """Wake the run that has changed."""
    raw: Any = event["object"]
    operator: Operator = memo.operator
    if event["type"] == "DELETED":
        operator.health.gone(PLURAL, raw["metadata"]["uid"])
        operator.fleet.gone(key_of(raw))
    else:
        operator.health.watched(PLURAL, version_of(raw))
        operator.fleet.saw(raw)
    operator.controller.wake(key_of(raw))  # of a deleted one too: another may have its name by now


@kopf.on.event("batch", "v1", "jobs")
async def on_job(event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    """Wake the run whose Job has changed."""
    raw: Any = event["object"]
    operator: Operator = memo.operator
    if event["type"] == "DELETED":
        operator.health.gone("jobs", raw["metadata"]["uid"])
    else:
        operator.health.watched("jobs", version_of(raw))
    operator.controller.wake(RunKey(raw["metadata"]["namespace"], raw["metadata"]["labels"]["batt.dev/run"]))
