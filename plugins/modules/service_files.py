#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: service_files
short_description: Write the files of a service, and tell which of its schemas are behind
version_added: 0.1.0
description:
  - Writes files as M(mikumo.openstack.config_files) does, then looks at schemas as M(mikumo.openstack.database_schema)
    does in check mode, in one call. Schemas are not touched.
  - The look uses the service's own configuration. A schema that is at its newest revision so tells that its database, the
    account, the password and the configuration fit together.
  - A MariaDB that does not run is waited for, up to two minutes, as after a crash or while its node starts.
options:
  schemas:
    description: Schemas to look at. What M(mikumo.openstack.database_schema) needs beyond the look may stand there too.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What messages and RV(schemas_behind) call this schema.
        type: str
        required: true
      migrations:
        description: Directories with the revision scripts, searched with all below.
        type: list
        elements: path
        required: true
      config_file:
        description: Configuration with the URL of the database. Exactly one of this and O(schemas[].connection) is required.
        type: path
      section:
        description: Section of O(schemas[].config_file).
        type: str
        default: database
      option:
        description: Option in O(schemas[].section) with SQLAlchemy's URL.
        type: str
        default: connection
      connection:
        description: SQLAlchemy's URL of the database.
        type: str
      databases:
        description: Names of the databases on that server, if they are several. The one in the URL if none is given.
        type: list
        elements: str
        default: []
      version_table:
        description: Name of alembic's table.
        type: str
        default: alembic_version
      command:
        description: Not for the look.
        type: list
        elements: str
        required: true
      user:
        description: Not for the look.
        type: str
      environment:
        description: Not for the look.
        type: dict
        default: {}
      timeout:
        description: Not for the look.
        type: int
        default: 1800
      inserted_rows:
        description: The most rows that the revision scripts insert, by table.
        type: dict
        default: {}
      recreate:
        description: Whether a database whose creation was interrupted may be emptied whatever it holds.
        type: bool
        default: false
      secrets:
        description: Values that must not be seen. The database's password is among them anyway.
        type: list
        elements: str
        default: []
extends_documentation_fragment:
  - mikumo.openstack.files
attributes: {}
requirements:
  - python3-pymysql on the node, for schemas in MariaDB
author:
  - The Mikumo authors
"""

EXAMPLES = r"""
- name: Write the configuration of Placement and look at its database
  mikumo.openstack.service_files:
    group: placement
    files:
      - path: /etc/placement/placement.conf
        content: "{{ __placement_config | mikumo.openstack.oslo_config }}"
    schemas:
      - name: placement
        config_file: /etc/placement/placement.conf
        section: placement_database
        migrations: [/usr/lib/python3/dist-packages/placement/db/sqlalchemy/alembic]
        command: [placement-manage, db, sync]
        user: placement
  register: placement_files
"""

RETURN = r"""
changed_files:
  description: Paths of the files that were changed, created or removed.
  returned: success
  type: list
  elements: str
  sample: [/etc/placement/placement.conf]
schemas_behind:
  description:
    - Names of the schemas that are not at their newest revision, or whose database, account or scripts are not there yet.
    - In check mode also of those whose MariaDB does not run. Otherwise that is an error, after the wait.
  returned: success
  type: list
  elements: str
  sample: [placement]
"""

import typing as t

from ansible_collections.mikumo.openstack.plugins.module_utils import _files_module, _schema_module
from ansible_collections.mikumo.openstack.plugins.module_utils._database import START
from ansible_collections.mikumo.openstack.plugins.module_utils._files_module import Module
from ansible_collections.mikumo.openstack.plugins.module_utils._schema import SchemaError
from ansible_collections.mikumo.openstack.plugins.module_utils._schema_module import bring_to_head

ARGUMENTS: dict[str, t.Any] = {
    **_files_module.ARGUMENTS,
    "schemas": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": _schema_module.ARGUMENTS,
        "mutually_exclusive": _schema_module.EXCLUSIVE,
        "required_one_of": _schema_module.EXCLUSIVE,
    },
}


def main() -> None:
    module = Module(argument_spec=ARGUMENTS, supports_check_mode=True)
    result = module.write()
    wait = 0 if module.check_mode else START
    try:
        looks = [(one["name"], bring_to_head(one, check_mode=True, wait=wait)) for one in module.params["schemas"]]
    except SchemaError as error:
        module.fail_json(msg=str(error), **result)
    module.exit_json(schemas_behind=[name for name, look in looks if look.changed], **result)


if __name__ == "__main__":
    main()
