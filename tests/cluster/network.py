"""Makes a network namespace for a node, with one cable to this machine; many may exist at once."""

from __future__ import annotations

import ipaddress
import json
import random
import subprocess
from typing import NamedTuple

from tests.gotools import cache_folder, locked

NODES = ipaddress.IPv4Network("10.88.0.0/16")
"""Addresses of cables: four for each, two of them usable. Private (RFC 1918), far from what home routers give."""

PODS = "10.244.0.0/24"
"""Addresses of a node's pods: the same on every node, since they are seen inside its namespace only."""


class Network(NamedTuple):
    """A namespace and the two ends of its cable: pods reach this machine at `host`, tests reach the node at `node`."""

    name: str
    host: str
    node: str


def make_network(name: str) -> Network:
    """Make the network namespace `name` (at most 13 characters) and its cable, on addresses that are free."""
    with locked(cache_folder() / "network.lock"):  # of two at once, each sees what the other has taken
        host, node = free_pair()
        cable = cable_name(name)
        ip("netns", "add", name)
        ip("-n", name, "link", "set", "lo", "up")
        ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("addr", "add", f"{host}/30", "dev", cable)
        ip("link", "set", cable, "up")
        ip("-n", name, "addr", "add", f"{node}/30", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", name, "route", "add", "default", "via", host)
    return Network(name, host, node)


def remove_network(name: str) -> None:
    """Remove what `make_network` made, as far as it is there."""
    if any(link["ifname"] == cable_name(name) for link in json.loads(ip("-json", "link"))):
        ip("link", "del", cable_name(name))
    if any(each["name"] == name for each in json.loads(ip("-json", "netns", "list") or "[]")):
        ip("netns", "del", name)


def cable_name(name: str) -> str:
    """Return the name of this machine's end of the cable: the kernel takes at most 15 characters."""
    return f"{name}-h"


def free_pair() -> tuple[str, str]:
    """Return two addresses of a cable that overlap with nothing this machine has an address or a route in."""
    routes = [each["dst"] for each in json.loads(ip("-json", "-4", "route")) if each["dst"] != "default"]
    taken = [ipaddress.IPv4Network(route, strict=False) for route in routes]
    cables = list(NODES.subnets(new_prefix=30))
    for cable in random.sample(cables, len(cables)):
        if not any(cable.overlaps(network) for network in taken):
            host, node = cable.hosts()
            return str(host), str(node)
    raise AssertionError(f"every address of {NODES} is taken: {routes}")


def ip(*arguments: str) -> str:
    """Run ip(8); return what it printed."""
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(arguments)} ended with {done.returncode}: {done.stderr}"
    return done.stdout
