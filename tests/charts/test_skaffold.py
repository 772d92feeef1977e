"""skaffold.yaml names what there is: Dockerfiles, values of the chart, images. Skaffold itself is not run."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.charts.rendering import CHART, Manifest, defaults, settings_of, try_render

pytestmark = pytest.mark.timeout(1800)  # the first build of helm takes minutes

FILE = CHART.parents[1] / "skaffold.yaml"
CONFIG: Manifest = yaml.safe_load(FILE.read_text())
PROFILES: dict[str, Manifest] = {profile["name"]: profile for profile in CONFIG["profiles"]}


def patched(profile: str) -> Manifest:
    """Return the configuration with a profile, as skaffold applies it: sections, then patches (RFC 6902, add)."""
    config = copy.deepcopy(CONFIG)
    for section in ("build", "deploy"):
        config[section] |= PROFILES[profile].get(section, {})
    for patch in PROFILES[profile].get("patches", []):
        assert patch["op"] == "add"
        *parents, last = patch["path"].removeprefix("/").split("/")
        target: Any = config  # YAML data
        for part in parents:
            target = target[int(part) if isinstance(target, list) else part]
        if last == "-":
            target.append(patch["value"])
        else:
            assert last not in target, patch["path"]
            target[last] = patch["value"]
    return config


def artifacts(config: Manifest) -> dict[str, Path]:
    """Return the images that are built, with their Dockerfiles."""
    return {each["image"]: FILE.parent / each["docker"]["dockerfile"] for each in config["build"]["artifacts"]}


def release(config: Manifest) -> Manifest:
    """Return the one release of helm."""
    (found,) = config["deploy"]["helm"]["releases"]
    return dict(found)


def test_it_is_a_skaffold_file_with_a_profile_for_kind_and_one_for_gke() -> None:
    assert re.fullmatch(r"skaffold/v4beta\d+", CONFIG["apiVersion"])
    assert CONFIG["kind"] == "Config"
    assert PROFILES.keys() == {"kind", "gke"}
    assert PROFILES["kind"]["build"]["local"]["push"] is False
    assert PROFILES["gke"]["build"]["local"]["push"] is True


@pytest.mark.parametrize("profile", PROFILES)
def test_every_image_that_is_built_has_its_dockerfile(profile: str) -> None:
    for image, dockerfile in artifacts(patched(profile)).items():
        assert dockerfile.is_file()
        assert image == f"batt-{dockerfile.parent.name}"


@pytest.mark.parametrize("profile", PROFILES)
def test_the_release_installs_our_chart_with_values_that_it_has(profile: str) -> None:
    config = patched(profile)

    assert (FILE.parent / release(config)["chartPath"]) == CHART
    for path, template in release(config)["setValueTemplates"].items():
        values: Any = defaults()
        for part in path.split("."):
            values = values[part]  # KeyError: the chart has no such value
        assert values == "" or path.endswith(".name")
        (image,) = re.fullmatch(r"{{\.IMAGE_(?:REPO|TAG|DIGEST)_(\w+)}}", template).groups()  # type: ignore[union-attr]
        assert image.replace("_", "-") in artifacts(config)
        assert image.replace("_", "-") == defaults()["images"][path.split(".")[1]]["name"]


@pytest.mark.parametrize("profile", PROFILES)
def test_the_chart_takes_what_skaffold_puts_in(profile: str) -> None:
    values: Manifest = {}
    for path, template in release(patched(profile))["setValueTemplates"].items():
        said = {"REPO": "registry.example.org/team/batt", "TAG": "v1-3-gabc-dirty", "DIGEST": f"sha256:{'0' * 64}"}
        *blocks, last = path.split(".")
        target = values
        for block in blocks:
            target = target.setdefault(block, {})
        target[last] = said[template.split("_")[1]]

    text, complaint = try_render(values)

    assert complaint == ""
    settings = settings_of([each for each in yaml.safe_load_all(text) if each])
    ending = f"@sha256:{'0' * 64}" if profile == "gke" else ":v1-3-gabc-dirty"
    assert settings.image == f"registry.example.org/team/batt{ending}"
