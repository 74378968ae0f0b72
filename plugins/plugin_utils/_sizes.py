# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t
from collections.abc import Mapping

__all__ = ["SizeError", "node_sizes"]

SMALL_MB = 6 * 1024


class SizeError(ValueError):
    """Facts that do not contain the size of the node."""


def _number(facts: Mapping[str, t.Any], name: str) -> int:
    value = facts.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
        raise SizeError(
            f"the fact {name} is {value!r}; node_sizes expects the facts of the node "
            "(ansible_facts, gathered with the subset 'hardware')"
        )
    return int(value)


def _clamp(value: int, low: int, high: int) -> int:
    return max(low, min(value, high))


def node_sizes(facts: Mapping[str, t.Any]) -> dict[str, int]:
    """Compute the sizes of a controller's services from its cores and memory.

    One worker for each of the eight APIs takes 1.2 GB in total, and one for each of the RPC services 0.6 GB. Each additional
    worker per service therefore costs about 2 GB, on top of 2 GB for the database, the message queue and the system. More
    workers than cores only wait for each other. A site that needs more than eight per service needs a second controller.
    """
    if not isinstance(facts, Mapping):
        raise SizeError(f"node_sizes expects ansible_facts, not {type(facts).__name__}")
    cores = _number(facts, "processor_vcpus")
    memory = _number(facts, "memtotal_mb")
    small = memory < SMALL_MB or cores < 2
    workers = 1 if small else _clamp((memory - 2048) // 2048, 1, min(cores, 8))
    return {
        "workers": workers,
        # nova-conductor and the like wait for the database more than they compute
        "rpc_workers": (workers + 1) // 2,
        # A new cloud's databases take 25 MiB, and changes to them as much again. On large nodes, the pool gets 1/8 of the memory.
        "innodb_buffer_pool_mb": 64 if memory < SMALL_MB else _clamp(memory // 8, 256, 8192),
        # tokens and catalogs are small: Debian's default of 64 serves hundreds of users
        "memcached_mb": _clamp(memory // 64, 32, 1024),
    }
