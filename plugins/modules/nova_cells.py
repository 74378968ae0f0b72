#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nova_cells
short_description: Manage Nova's cell mappings and map compute hosts
version_added: 0.1.0
description:
  - Makes sure that Nova's API database knows C(cell0) and C(cell1), and maps the given compute hosts.
  - The mappings are templates that Nova fills from its own configuration. They contain no password and need no change when
    the password is rotated.
  - Reads Nova's databases, and runs C(nova-manage) only for missing mappings.
  - A cell of another name that points to Nova's own database counts as C(cell1). Two mappings of one database would list
    every instance twice.
author: The Mikumo authors (@mikumo)
options:
  hosts:
    description: Compute hosts to wait for and to map, by the host name that C(nova-compute) reports.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds to wait until MariaDB is up, and until every host in O(hosts) has registered.
    type: int
    default: 300
  config_file:
    description: Nova's configuration file. The module reads the database URLs from it.
    type: path
    default: /etc/nova/nova.conf
attributes:
  check_mode:
    description: Can run in check mode. If the databases do not exist yet, it predicts that everything is created.
    support: full
  diff_mode:
    description: Shows the mappings.
    support: full
  idempotent:
    description: Does nothing if the mappings exist.
    support: full
"""

EXAMPLES = r"""
- name: Map the cells
  mikumo.openstack.nova_cells:

- name: Map the compute hosts
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

from ansible_collections.mikumo.openstack.plugins.module_utils._commands import last_lines, run
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
# Nova identifies cell0 by this UUID. The mapping may have no name.
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
        """Run a statement in the database of a section of Nova's configuration, and return the first column of the result."""
        wait = 0 if module.check_mode else module.params["timeout"]
        try:
            with opened(configured_connection(module.params["config_file"], section, "connection", wait)) as execute:
                return sorted(str(row[0]) for row in execute(statement))
        except DatabaseError as error:
            if not module.check_mode:
                module.fail_json(msg=f"Nova's databases cannot be read: {error}")
            return []

    def main_database(url: str) -> bool:
        """Return whether a mapping (a URL or a template) points to the database of [database] in Nova's configuration."""
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
            module.fail_json(msg=f"`nova-manage cell_v2 {arguments[0]}` exited with status {rc}: {last_lines(out + err)}")

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
        # Nova can map a host only after nova-compute has registered in the cell's database.
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
                msg=f"nova-compute on {', '.join(silent)} has not registered within {module.params['timeout']} s; known"
                f" hosts: {', '.join(reported) or 'none'}. See `journalctl -u nova-compute` there."
            )
        time.sleep(2)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
