"""How Jobs' ends, and runs that cannot be taken up, become the ends of runs: one typed reason and a sentence each."""

from __future__ import annotations

from collections.abc import Sequence

from batt.status import Reason
from batt_operator.jobs import FATAL
from batt_operator.observed import JobView, PodView, RunView
from batt_operator.settings import Settings
from batt_operator.stages import Stage
from batt_operator.stalls import explain_failures


def why_failed(job: JobView, pods: Sequence[PodView]) -> tuple[Reason, str]:
    """Return what a failed Job means for the run: the reason of its end, and what the pods have to say.

    Args:
        pods: of the Job, those that have failed, or some of them.
    """
    fatal = [pod for pod in pods if pod.exit_code in FATAL]
    failures = explain_failures(fatal or pods)
    words = failures.message if failures else job.failed_message
    match job.failed_reason:
        case "PodFailurePolicy":
            return policy_reason(job, fatal), words
        case "FailedIndexes":
            return Reason.COMPLETED_WITH_FAILURES, f"some shards failed, as spec.retries allows; {words}"
        case "MaxFailedIndexesExceeded":
            return Reason.TOO_MANY_FAILURES, f"more shards failed than spec.retries.failedShards allows; {words}"
        case "DeadlineExceeded":
            return Reason.DEADLINE_EXCEEDED, job.failed_message
    typed = failures.reason if failures and failures.reason is not Reason.CRASHING else Reason.STAGE_FAILED
    return typed, f"{job.stage}: {job.failed_message}; {words}"


def policy_reason(job: JobView, fatal: Sequence[PodView]) -> Reason:
    """Return the reason of an exit code that no retry mends.

    Where the pod is gone, Kubernetes' own message names the code.
    """
    codes = {pod.exit_code for pod in fatal} or {int(word) for word in job.failed_message.split() if word.isdecimal()}
    if 77 in codes:
        return Reason.AUTH_OR_QUOTA
    return Reason.PLAN_REJECTED if job.stage == Stage.PLAN and codes & {64, 65} else Reason.CONFIG_ERROR


def refusal(run: RunView, settings: Settings) -> str:
    """Return why the operator cannot take a run up; empty where it can."""
    if run.run is None:
        return "; ".join(run.faults) or "cannot be read"
    spec = run.run.spec
    faults = []
    if spec.hal is not None and not settings.agent_image:
        rule = "needs an image for agents, which the operator has not"
        faults.append(f"spec.hal: got it; {rule}; set the chart's agents.enabled, or use `batt run` on a laptop")
    if spec.pool and spec.pool not in settings.pools:
        known = ", ".join(sorted(settings.pools))
        faults.append(f"spec.pool: got {spec.pool!r}; must be one of {known}; choose one, or ask for it to be added")
    if not spec.results and not settings.results:
        rule = "must be a gs:// URI where the operator has no default"
        faults.append(f"spec.results: got nothing; {rule}; set it, or the chart's value `results`")
    return "; ".join(faults)
