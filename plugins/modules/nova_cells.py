#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nova_cells
short_description: Cell mappings of Nova, and the compute hosts in them
version_added: 0.1.0
description:
  - Makes sure that Nova's API database knows C(cell0) and C(cell1), and that the given compute hosts are mapped.
  - The mappings are templates that Nova fills from its own configuration, so that they hold no password and a rotated one
    needs no change here.
  - Looks into Nova's databases, and runs C(nova-manage) only for what is missing.
  - A cell of another name that names Nova's own database serves as C(cell1). Two mappings of one database would show every
    instance twice.
author: The Mikumo authors (@mikumo)
options:
  hosts:
    description: Compute hosts, as C(nova-compute) calls itself, to wait for and to map.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds to wait until every host of O(hosts) has reported itself, and until MariaDB is up where it is not yet.
    type: int
    default: 300
  config_file:
    description: Nova's configuration, from which the databases' URLs are read.
    type: path
    default: /etc/nova/nova.conf
attributes:
  check_mode:
    description: Can run in check mode. Where the databases are not there yet, everything would be created.
    support: full
  diff_mode:
    description: Shows the mappings.
    support: full
  idempotent:
    description: Does nothing when the mappings are there.
    support: full
"""

EXAMPLES = r"""
- name: The cells
  mikumo.openstack.nova_cells:

- name: The compute hosts
  mikumo.openstack.nova_cells:
    hosts: [compute]
"""

RETURN = r"""
cells:
  description: Names of the mapped cells.
  type: list
  elements: str
  returned: always
hosts:
  description: Names of the mapped hosts.
  type: list
  elements: str
  returned: always
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mikumo.openstack.plugins.module_utils._commands import run
from ansible_collections.mikumo.openstack.plugins.module_utils._database import DatabaseError, configured_connection, opened

DATABASE = "{scheme}://{username}:{password}@{hostname}:{port}/"
CELLS = {
    "cell0": ["map_cell0", "--database_connection", DATABASE + "nova_cell0?{query}"],
    "cell1": [
        "create_cell",
        "--name",
        "cell1",
        "--database_connection",
        DATABASE + "{path}?{query}",
        "--transport-url",
        "{scheme}://{username}:{password}@{hostname}:{port}/{path}",
    ],
}
# How Nova itself knows cell 0. A name may be missing.
CELL0 = "00000000-0000-0000-0000-000000000000"
MAPPINGS = "SELECT CONCAT_WS('\n', uuid, COALESCE(name, ''), database_connection) FROM cell_mappings"


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "hosts": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "int", "default": 300},
            "config_file": {"type": "path", "default": "/etc/nova/nova.conf"},
        },
        supports_check_mode=True,
    )
    wanted: list[str] = module.params["hosts"]

    deadline = time.monotonic() + module.params["timeout"]

    def rows(section: str, statement: str) -> list[str]:
        """First column of what a statement finds in the database that a section of Nova's configuration names."""
        wait = 0 if module.check_mode else module.params["timeout"]
        try:
            with opened(configured_connection(module.params["config_file"], section, "connection", wait)) as execute:
                return sorted(str(row[0]) for row in execute(statement))
        except DatabaseError as error:
            if not module.check_mode:
                module.fail_json(msg=f"Nova's databases cannot be read: {error}")
            return []

    def main_database(url: str) -> bool:
        """Whether a mapping, a URL or a template, names the database of [database] in Nova's configuration."""
        path = url.partition("://")[2].partition("/")[2].partition("?")[0]
        if path == "{path}":
            return True
        try:
            return path == configured_connection(module.params["config_file"], "database", "connection").database
        except DatabaseError:
            return False

    def manage(*arguments: str) -> None:
        rc, out, err = run(["runuser", "-u", "nova", "--", "nova-manage", "cell_v2", *arguments])
        if rc != 0:
            tail = "\n".join((out + err).strip().splitlines()[-20:])
            module.fail_json(msg=f"`nova-manage cell_v2 {arguments[0]}` ended with {rc}: {tail}")

    def mapped_hosts() -> list[str]:
        return rows("api_database", "SELECT host FROM host_mappings")

    cells, served = [], set()
    for line in rows("api_database", MAPPINGS):
        uuid, name, database = line.split("\n", 2)
        cells.append(name or uuid)
        served.add("cell0" if uuid == CELL0 else "cell1" if name == "cell1" or main_database(database) else name)
    hosts = mapped_hosts()
    missing_cells = [name for name in CELLS if name not in served]
    missing_hosts = sorted(set(wanted) - set(hosts))
    result: dict[str, Any] = {
        "changed": bool(missing_cells or missing_hosts),
        "cells": sorted({*cells, *missing_cells}),
        "hosts": sorted({*hosts, *wanted}),
        "diff": {
            "before": "".join(f"cell {name}\n" for name in CELLS if name in served)
            + "".join(f"host {name}\n" for name in sorted(wanted) if name not in missing_hosts),
            "after": "".join(f"cell {name}\n" for name in CELLS) + "".join(f"host {name}\n" for name in sorted(wanted)),
        },
    }
    if module.check_mode:
        module.exit_json(**result)

    for name in missing_cells:
        manage(*CELLS[name])

    while missing_hosts:
        # A host can be mapped once it has reported itself to the cell's database.
        reported = rows("database", "SELECT host FROM compute_nodes WHERE deleted = 0")
        silent = sorted(set(missing_hosts) - set(reported))
        if not silent:
            manage("discover_hosts")
            missing_hosts = sorted(set(wanted) - set(mapped_hosts()))
            if missing_hosts:
                module.fail_json(msg=f"`nova-manage cell_v2 discover_hosts` did not map {', '.join(missing_hosts)}")
            break
        if time.monotonic() > deadline:
            module.fail_json(
                msg=f"nova-compute on {', '.join(silent)} has not reported itself within {module.params['timeout']} s; known"
                f" hosts: {', '.join(reported) or 'none'}. See `journalctl -u nova-compute` there."
            )
        time.sleep(2)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
