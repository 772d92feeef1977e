"""The operator's configuration: every fault at once, each with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from batt.errors import SpecError
from batt_operator.settings import load_settings

GOOD: dict[str, Any] = {"image": "batt:1", "pools": {"cpu": {}}}


def load(folder: Path, data: object) -> Any:
    file = folder / "config.yaml"
    file.write_text(data if isinstance(data, str) else yaml.safe_dump(data))
    return load_settings(file)


def faults(folder: Path, data: object) -> list[str]:
    with pytest.raises(SpecError) as raised:
        load(folder, data)
    return str(raised.value).splitlines()


def test_little_is_enough(tmp_path: Path) -> None:
    settings = load(tmp_path, GOOD)

    assert (settings.image, settings.default_pool, settings.stage_pool) == ("batt:1", "cpu", "cpu")
    assert (settings.namespace, settings.results, settings.health_port) == (None, None, 8080)
    assert settings.resync_seconds > 0


def test_pools_are_passed_on_as_kubernetes_takes_them(tmp_path: Path) -> None:
    l4 = {
        "nodeSelector": {"cloud.google.com/gke-accelerator": "nvidia-l4"},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
        "resources": {"limits": {"nvidia.com/gpu": 1, "cpu": "4"}},
        "price": {"perHour": 0.7, "dated": "2026-01-01"},
    }

    pool = load(tmp_path, GOOD | {"pools": {"cpu": {}, "l4": l4}}).pools["l4"]

    assert pool.node_selector == l4["nodeSelector"]
    assert pool.tolerations == ({"key": "nvidia.com/gpu", "operator": "Exists"},)
    assert pool.resources == l4["resources"]
    assert pool.price.currency == "USD"
    assert pool.has_gpu()


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    data = {
        "pools": {"cpu": {"price": {"perHour": -1}, "terminationGracePeriodSeconds": 0}, "l4": {"gpus": 1}},
        "resyncSeconds": 0,
        "healthPort": 70_000,
        "namespaces": ["a"],
    }

    said = faults(tmp_path, data)

    places = ["image", "pools.cpu.price.perHour", "pools.cpu.terminationGracePeriodSeconds", "pools.l4.gpus"]
    for place in [*places, "resyncSeconds", "healthPort", "namespaces"]:
        assert [one for one in said if f"{place}: got" in one], (place, said)
    assert len(said) == 7


def test_every_pool_that_is_not_there_is_named(tmp_path: Path) -> None:
    said = "\n".join(faults(tmp_path, GOOD | {"defaultPool": "l4", "stagePool": "small"}))

    assert "; must have the pools 'l4' and 'small' that defaultPool and stagePool name; " in said


@pytest.mark.parametrize("data", ["", "[]", "just words", "{unclosed", "\tx: 1"])
def test_file_that_is_no_configuration_is_a_fault(tmp_path: Path, data: str) -> None:
    assert len(faults(tmp_path, data)) == 1


def test_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"absent\.yaml"):
        load_settings(tmp_path / "absent.yaml")


def test_file_that_is_no_text_is_a_fault(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(SpecError, match="must be the operator's configuration"):
        load_settings(file)
