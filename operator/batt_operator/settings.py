"""The operator's configuration: one YAML file, written by the Helm chart from its values, read once at start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from batt import costs
from batt.costs import Prices
from batt.errors import Fault, SpecError, shown


class Model(BaseModel):
    """Base of the configuration's types: unchangeable, camelCase in YAML, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Price(Model):
    """What a pod of a pool costs while it runs."""

    per_hour: float = Field(ge=0, description="Price of one pod for an hour, by what it asks for.")
    currency: str = Field(default="USD", description="Currency of the price.")
    dated: str = Field(default="", description="When the price was looked up, YYYY-MM-DD.")

    def known(self) -> costs.Price:
        """Return the price as what reckons with it has it."""
        return costs.Price(self.per_hour, self.currency, self.dated)


class Pool(Model):
    """Where pods run and what they ask for. Kubernetes' own blocks are passed on as they are."""

    node_selector: dict[str, str] = Field(default_factory=dict)
    tolerations: tuple[dict[str, Any], ...] = ()
    resources: dict[str, dict[str, str | int | float]] = Field(default_factory=dict)
    runtime_class_name: str | None = None
    image: str | None = None
    price: Price | None = None
    termination_grace_period_seconds: int = Field(default=30, ge=1, le=600)
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)

    def has_gpu(self) -> bool:
        """Return whether pods of the pool ask for a GPU."""
        return any("gpu" in name for kind in self.resources.values() for name in kind)


class Identity(Model):
    """By what the workers beside agents are somebody to the store, where pods have no identity of the cluster's."""

    audience: str = Field(min_length=1, description="Audience of their token: the workload identity provider.")
    config_map: str = Field(min_length=1, description="ConfigMap of the run's namespace with `credentials.json`.")


class Settings(Model):
    """How the operator works, and what pods get where a run does not say."""

    namespace: str | None = Field(default=None, description="The one namespace to watch; None for all.")
    image: str = Field(description="Image of the pods.")
    agent_image: str | None = Field(default=None, description="Image for agents; HAL runs are refused without one.")
    scoring_image: str | None = Field(default=None, description="Image of HAL runs' plan and evaluate pods.")
    identity: Identity | None = Field(default=None, description="Of workers beside agents; None: as all pods.")
    image_pull_policy: str | None = None
    image_pull_secrets: tuple[str, ...] = ()
    service_account_name: str = "default"
    results: str | None = Field(default=None, description="URI of the store for runs without spec.results.")
    env: tuple[dict[str, Any], ...] = Field(default=(), description="Environment of all pods, as Kubernetes takes it.")
    pools: dict[str, Pool] = Field(min_length=1)
    default_pool: str = Field(default="cpu", description="Pool of runs that name none.")
    stage_pool: str = Field(default="cpu", description="Pool of the plan, evaluate and collect pods.")
    gpu_pool: str | None = Field(
        default=None,
        description="Pool of tasks that want a GPU, where the run's has none; None: the first by name that has one.",
    )
    resync_seconds: float = Field(default=60, gt=0)
    run_seconds: int = Field(default=7 * 24 * 3600, ge=1, description="Run deadline of runs that name none.")
    max_concurrency: int = Field(default=1000, ge=1, le=100_000, description="Pods at once for runs that name none.")
    worker_metrics_port: int = Field(default=0, ge=0, le=65535, description="Port of work pods' metrics; 0: none.")
    health_port: int = Field(default=8080, ge=0, le=65535)

    def pool_for_gpu(self) -> str:
        """Return the pool of tasks that want a GPU; empty where none has one."""
        return self.gpu_pool or next((name for name, pool in sorted(self.pools.items()) if pool.has_gpu()), "")

    def prices(self, pool: str | None) -> Prices:
        """Return the prices of a run's pool, None for the default one, and of that of its tasks that want a GPU."""
        work = self.pools.get(pool or self.default_pool)
        gpu = work if work is not None and work.has_gpu() else self.pools.get(self.pool_for_gpu())
        return Prices(*(None if one is None or one.price is None else one.price.known() for one in (work, gpu)))

    @model_validator(mode="after")
    def _pools_exist(self) -> Settings:
        asked = {"defaultPool": self.default_pool, "stagePool": self.stage_pool, "gpuPool": self.gpu_pool}
        missing = {field: name for field, name in asked.items() if name is not None and name not in self.pools}
        if missing:
            names, fields = (" and ".join(words) for words in (map(repr, missing.values()), missing))
            many = len(missing) > 1
            rule = f"must have the pool{'s' * many} {names} that {fields} name{'s' * (not many)}"
            raise PydanticCustomError("unknown_pool", "{rule}", {"rule": rule})
        return self


def load_settings(path: Path) -> Settings:
    """Return the configuration of a file.

    Raises:
        SpecError: the file cannot be read or holds faults; all of them are named.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        fault = Fault(
            str(path), shown(str(error)), "must be the operator's configuration in YAML", "see docs/operator.md"
        )
        raise SpecError([fault]) from error
    try:
        return Settings.model_validate(data)
    except ValidationError as error:
        raise SpecError([_fault(each) for each in error.errors(include_url=False)], str(path)) from error


def _fault(error: Any) -> Fault:  # pydantic's ErrorDetails: a TypedDict whose keys depend on the error
    where = ".".join(map(str, error["loc"])) or "configuration"
    return Fault(where, shown(error["input"]), error["msg"], "correct the chart's values")
