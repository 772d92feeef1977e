"""A control plane of a test module's own, where who owns the CustomResourceDefinition is the module's matter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from batt.schema.generated import ROOT
from tests.cluster.client import Cluster
from tests.cluster.controlplane import ControlPlane
from tests.cluster.daemons import wait_until
from tests.cluster.fakenodes import FakeNodes

CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/benchmarkruns.batt.dev"
"""Where the definition of runs is."""


@contextmanager
def fresh_cluster(folder: Path) -> Iterator[Cluster]:
    """Start a control plane with one fake node, without our definition; stop it at the end."""
    with ControlPlane(folder) as control_plane:
        nodes = FakeNodes(control_plane)
        nodes.add(1)
        yield nodes.cluster


def install_crd(cluster: Cluster) -> None:
    """Apply the definition as users without Helm do, and wait until the API server serves and explains it."""
    cluster.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
    cluster.wait_crd()
    wait_until("the kind's schema", lambda: "apis/batt.dev/v1alpha1" in cluster.get("/openapi/v3")["paths"])


def remove_crd(cluster: Cluster) -> None:
    """Delete the definition, and every run with it."""
    if cluster.find(CRD):
        cluster.delete(CRD)
        wait_until("the CRD's end", lambda: cluster.find(CRD) is None)
