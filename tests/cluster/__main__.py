"""`python -m tests.cluster`: a real node with batt installed, to try things by hand until Ctrl-C. Needs root."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import yaml

from tests.cluster.node import Node, what_is_missing
from tests.cluster.values import IMAGES, install_values
from tests.gcs import gcs_server, make_bucket
from tests.gotools import ensure_tool
from tests.images import ROOT, project_image

BUCKET = "runs"
"""The bucket of the fake store."""


def main() -> int:
    """Start everything, say how to use it, wait for Ctrl-C or SIGTERM; return the exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    if missing := what_is_missing():
        print(missing, file=sys.stderr)
        return 1
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    with (
        tempfile.TemporaryDirectory(prefix="batt-cluster-") as folder,
        Node() as node,
        gcs_server(Path(folder) / "gcs.log", node.network.host) as server,
    ):
        make_bucket(server, BUCKET)
        images = {name: node.load(project_image("hal" if name == "agent" else name)) for name in IMAGES}
        values = Path(folder) / "values.yaml"
        values.write_text(yaml.safe_dump(install_values(images, f"gs://{BUCKET}", server)))
        helm = [str(ensure_tool("helm")), "install", "batt", str(ROOT / "charts" / "batt"), "-f", str(values)]
        kubeconfig = node.cluster.kubeconfig
        subprocess.run([*helm, "--kubeconfig", str(kubeconfig), "--wait"], check=True)
        print(f"\nexport KUBECONFIG={kubeconfig} STORAGE_EMULATOR_HOST={server}", flush=True)
        stopping.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
