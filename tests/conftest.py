"""Fixtures that several test modules share."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.gcs import gcs_server, make_bucket


@pytest.fixture(scope="session")
def gcs_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real fake-gcs-server, one a session; skipped where Go cannot be had to build it."""
    with gcs_server(tmp_path_factory.mktemp("gcs") / "server.log") as address:
        yield address


@pytest.fixture
def gcs(gcs_address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """URI of a fresh, empty bucket; STORAGE_EMULATOR_HOST names its server, for child processes too."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_address)
    name = f"bucket-{uuid.uuid4().hex}"
    make_bucket(gcs_address, name)
    return f"gs://{name}"


NODE = (
    "tests/cluster/test_documents.py",
    "tests/cluster/test_end_to_end.py",
    "tests/cluster/test_hal.py",
    "tests/cluster/test_hal_agents.py",
    "tests/cluster/test_node.py",
    "tests/cluster/test_prometheus.py",
    "tests/cluster/test_commands.py::test_logs_are_told_while_pods_speak_and_after",
)
"""Beginnings of the ids of tests on the real node: with `-n` one worker runs them all, and starts one node.

test_documents.py comes first by its name: it wants a cluster that has never seen batt, the others share an install.
"""


def group_of(nodeid: str) -> str:
    """Return with which others a test stays together on one worker: those that share what is expensive to start."""
    if nodeid.startswith("tests/cluster/"):
        return "node" if nodeid.startswith(NODE) else "control plane"
    return nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:  # xdist has no types for either
    """Spread tests over workers by group_of. The groups of xdist itself do nothing with pytest 9 (xdist 3.8)."""
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped] # it has no types

    class ByGroup(LoadScopeScheduling):  # type: ignore[misc] # the same
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return ByGroup(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a test on the node that NODE does not name: another worker would start a second node."""
    for item in items:
        if {"node", "node_cluster"} & set(getattr(item, "fixturenames", ())) and group_of(item.nodeid) != "node":
            raise pytest.UsageError(f"{item.nodeid}: uses the node; name it in NODE, tests/conftest.py")
