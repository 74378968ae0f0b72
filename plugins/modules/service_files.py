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
  - The look uses the service's own configuration. A schema that is at its newest revision so tells that database, account,
    password and configuration fit together.
options:
  schemas:
    description: Schemas to look at, each with the options of M(mikumo.openstack.database_schema).
    type: list
    elements: dict
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
    - Names of the schemas that are not at their newest revision, or that cannot be reached with the configuration on the
      node.
  returned: success
  type: list
  elements: str
  sample: [placement]
"""

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.mikumo.openstack.plugins.module_utils import _files_module, _schema_module
from ansible_collections.mikumo.openstack.plugins.module_utils._files_module import Module
from ansible_collections.mikumo.openstack.plugins.module_utils._schema import SchemaError

ARGUMENTS = {**_files_module.ARGUMENTS, "schemas": {"type": "list", "elements": "dict", "default": []}}
SCHEMA = ArgumentSpecValidator(
    _schema_module.ARGUMENTS, mutually_exclusive=_schema_module.EXCLUSIVE, required_one_of=_schema_module.EXCLUSIVE
)


def main() -> None:
    module = Module(argument_spec=ARGUMENTS, supports_check_mode=True)
    schemas = [SCHEMA.validate(schema) for schema in module.params["schemas"]]
    for schema in schemas:
        module.no_log_values.update(schema._no_log_values)
        if schema.error_messages:
            module.fail_json(msg=f"schemas: {'; '.join(schema.error_messages)}")
    result = module.write()
    try:
        looks = {
            schema.validated_parameters["name"]: _schema_module.bring_to_head(schema.validated_parameters, check_mode=True)
            for schema in schemas
        }
    except SchemaError as error:
        module.fail_json(msg=str(error), **result)
    module.exit_json(schemas_behind=[name for name, look in looks.items() if look.changed], **result)


if __name__ == "__main__":
    main()
