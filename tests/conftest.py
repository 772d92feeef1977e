"""Fixtures that several test modules share."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

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
