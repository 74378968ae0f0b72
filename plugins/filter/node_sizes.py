# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: node_sizes
version_added: 0.1.0
short_description: Compute worker counts and cache sizes for a node
description:
  - Computes the number of workers per service and the cache sizes from the node's cores and memory.
  - With less than 6 GiB of memory or only one core, every service has one worker.
  - Otherwise a service has one worker for each 2 GiB beyond the first 2, at most one per core and at most eight.
positional: _input
options:
  _input:
    description: Facts of the node. The filter uses C(processor_vcpus) and C(memtotal_mb).
    type: dict
    required: true
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
# {'workers': 4, 'rpc_workers': 2, 'innodb_buffer_pool_mb': 2002, 'memcached_mb': 250} with 4 cores and 16 GB
- name: Show the sizes
  ansible.builtin.debug:
    msg: "{{ ansible_facts | mikumo.openstack.node_sizes }}"
"""

RETURN = r"""
_value:
  description: The sizes.
  type: dict
  contains:
    workers:
      description: Number of processes of an API.
      type: int
    rpc_workers:
      description: Number of processes of a service that answers over the message queue.
      type: int
    innodb_buffer_pool_mb:
      description: Size of MariaDB's buffer pool in MiB.
      type: int
    memcached_mb:
      description: Size of memcached's cache in MiB.
      type: int
"""

import typing as t
from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.mikumo.openstack.plugins.plugin_utils._sizes import SizeError
from ansible_collections.mikumo.openstack.plugins.plugin_utils._sizes import node_sizes as sizes


def node_sizes(facts: t.Any) -> dict[str, int]:
    try:
        return sizes(facts)
    except SizeError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"node_sizes": node_sizes}
