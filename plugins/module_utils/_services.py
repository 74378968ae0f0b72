# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the services and agents that report themselves alive to their API."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ansible_collections.mikumo.openstack.plugins.module_utils._openstack import Api, CloudError, Record

# A program and the host that it runs on.
Service = tuple[str, str]


@dataclass(frozen=True)
class Registry:
    """An API's list of live services, for programs whose names begin with the prefix."""

    prefix: str
    service_type: str
    name: str
    version: str
    path: str
    key: str
    alive: Callable[[Record], bool]


REGISTRIES = (
    Registry("nova-", "compute", "Nova", "", "/os-services", "services", lambda one: one["state"] == "up"),
    Registry("neutron-", "network", "Neutron", "v2.0", "/agents", "agents", lambda one: bool(one["alive"])),
    Registry("cinder-", "volumev3", "Cinder", "", "/os-services", "services", lambda one: one["state"] == "up"),
    Registry("heat-", "orchestration", "Heat", "", "/services", "services", lambda one: one["status"] == "up"),
)


def registry_of(binary: str) -> Registry:
    for registry in REGISTRIES:
        if binary.startswith(registry.prefix):
            return registry
    known = ", ".join(registry.prefix for registry in REGISTRIES)
    raise CloudError(f"expected: no API is known to report {binary!r}. Program names begin with {known}.", "described")


def alive(api: Api, registry: Registry) -> set[Service]:
    """Return the services that are alive. Ignores Cinder's back end after @."""
    found = api.list(registry.path, registry.key, "services and agents")
    return {(one["binary"], one["host"].partition("@")[0]) for one in found if registry.alive(one)}


def unmapped(nova: Api, hosts: Iterable[str]) -> list[str]:
    """Return the compute hosts that Nova has not mapped into a cell. It lists hypervisors of mapped hosts only."""
    found = nova.list("/os-hypervisors/detail", "hypervisors", "hypervisors")
    return sorted(set(hosts) - {one["service"]["host"] for one in found})


def wait(
    open_api: Callable[[Registry], Api],
    expected: Iterable[Service],
    seconds: float,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[set[Service], str]:
    """Return the services that are still silent at the end, and the last API error. A service needs to be alive only once."""
    silent = set(expected)
    registries = {binary: registry_of(binary) for binary, _host in silent}
    end = clock() + seconds
    trouble = ""
    while True:
        for registry in {registries[binary] for binary, _host in silent}:
            try:
                silent -= alive(open_api(registry), registry)
            except CloudError as error:
                if not error.transient:
                    raise
                # An API that is not up yet, or is restarting.
                trouble = str(error)
        if not silent or clock() >= end:
            return silent, trouble
        sleep(2)
