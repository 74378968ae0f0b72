#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: service_info
short_description: Find out which services differ from their descriptions
version_added: 0.1.0
description:
  - Looks at the files, schemas and units of several services in one call and names those that are as described. Roles whose
    services are confirmed need no further call to the node.
  - Changes nothing, and waits for nothing. A database that does not answer, a unit that is still starting and a URL that does
    not answer are differences.
extends_documentation_fragment:
  - mikumo.openstack.reading
options:
  services:
    description: Services to look at.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the service in the result.
        type: str
        required: true
      files:
        description: Files and directories, with the suboptions of O(mikumo.openstack.service#module:files).
        type: list
        elements: dict
        default: []
      schemas:
        description: Schemas, with the suboptions of O(mikumo.openstack.service#module:schemas).
        type: list
        elements: dict
        default: []
      units:
        description: Units, with the suboptions of O(mikumo.openstack.service#module:units).
        type: list
        elements: dict
        default: []
attributes:
  check_mode:
    support: full
    description: Changes nothing in either mode.
  platform:
    support: full
    platforms: posix
    description: Debian with systemd 257 or newer.
requirements:
  - python3-pymysql on the node, for schemas in MariaDB
seealso:
  - module: mikumo.openstack.service
  - plugin: mikumo.openstack.service_looks
    plugin_type: filter
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Find out whether memcached is as described
  mikumo.openstack.service_info:
    services:
      - name: memcached
        files:
          - path: /etc/memcached.conf
            content: "-l 10.0.0.11\n"
            mode: "0644"
        units:
          - {name: memcached, files: [/etc/memcached.conf]}
  register: look
"""

RETURN = r"""
confirmed:
  description: Names of the services that are as described.
  returned: success
  type: list
  elements: str
  sample: [memcached]
differences:
  description: What differs, by service.
  returned: success
  type: dict
  sample: {nova: ["/etc/nova/nova.conf differs", "nova-api.service would be restarted: /etc/nova/nova.conf changes"]}
"""

import typing as t
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.mikumo.openstack.plugins.module_utils import _config_files
from ansible_collections.mikumo.openstack.plugins.module_utils._answers import wait_for_answer
from ansible_collections.mikumo.openstack.plugins.module_utils._config_files import FilesError, mask, secrets_of
from ansible_collections.mikumo.openstack.plugins.module_utils._service_module import (
    STATE,
    ServiceModule,
    ServiceSchemaError,
    contents_of,
    schemas_behind,
)
from ansible_collections.mikumo.openstack.plugins.module_utils._systemctl import Systemctl, UnitsError
from ansible_collections.mikumo.openstack.plugins.module_utils._units import Unit, parse, reasons

LISTS: dict[str, t.Any] = {key: {"type": "list", "elements": "dict", "default": []} for key in STATE}
ARGUMENTS: dict[str, t.Any] = {
    "services": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {"name": {"type": "str", "required": True}, **LISTS},
    },
}

Service = Mapping[str, t.Any]


def file_and_schema_differences(service: Service) -> tuple[list[str], list[str]]:
    """Return what differs, and the paths of files that would be written."""
    files = _config_files.sync(_config_files.parse(service["files"]), check_mode=True)
    contents = contents_of(service["files"])
    unwritten = {path: contents.get(path, "") for path in files.rewritten}
    found = [f"{path} differs" for path in files.changed_files]
    found += [
        f"the schema {name} is not at its newest revision, or cannot be reached"
        for name in schemas_behind(service["schemas"], check_mode=True, unwritten=unwritten)
    ]
    return found, files.rewritten


def silent(units: Sequence[Unit]) -> Iterator[str]:
    for unit in units:
        trouble = wait_for_answer(unit.url, 0) if unit.url else ""
        if trouble:
            yield f"{unit.name} does not answer at {unit.url}: {trouble}"


def differences(services: Sequence[Service], systemctl: Systemctl) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    unwritten: set[str] = set()
    units = {service["name"]: parse(service["units"]) for service in services}
    for service in services:
        found[service["name"]], paths = file_and_schema_differences(service)
        unwritten.update(paths)
    # Starting systemctl is the most expensive part on a slow core: once for all.
    why = reasons(systemctl, [unit for of in units.values() for unit in of], unwritten)
    for name, of in units.items():
        found[name] += [f"{unit.name} {why[unit]}" for unit in of if unit in why]
        if not found[name]:
            found[name] += silent(of)
    return found


def checked(module: ServiceModule) -> list[Service]:
    """Return the services with the defaults of the module `service`, whose rules for arguments apply."""
    services = module.params["services"]
    # Once for all: each validation copies its arguments several times.
    result = ArgumentSpecValidator(STATE).validate({key: [one for service in services for one in service[key]] for key in STATE})
    if result.error_messages:
        module.fail_json(msg="; ".join(result.error_messages))
    rest = {key: iter(result.validated_parameters[key]) for key in STATE}
    return [
        {"name": service["name"], **{key: list(islice(rest[key], len(service[key]))) for key in STATE}} for service in services
    ]


def main() -> None:
    module = ServiceModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    services = checked(module)
    try:
        found = differences(services, Systemctl())
    except (FilesError, ServiceSchemaError, UnitsError) as error:
        contents = (contents_of(service["files"]).values() for service in services)
        secrets = set().union(*(secrets_of(text) for of in contents for text in of))
        module.fail_json(msg=mask(str(error), secrets))
    module.exit_json(
        changed=False,
        confirmed=[name for name, differing in found.items() if not differing],
        differences={name: differing for name, differing in found.items() if differing},
    )


if __name__ == "__main__":
    main()
