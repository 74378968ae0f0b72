#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: database_schema
short_description: Upgrade the schema of a service's database to its newest revision
version_added: 0.1.0
description:
  - Compares the installed revision scripts with the revisions that Alembic recorded in the database, and runs the service's
    own command only if a revision is missing. The comparison takes a fraction of a second. The command loads the whole
    service even if there is nothing to do.
  - Checks the database again after the command. If the command succeeds but revisions are still missing, the module fails.
  - If a killed run or a power failure interrupted the creation of a schema, the module creates it again from an empty
    database. A table named C(mikumo_schema_is_being_created) marks the database from before the first revision until after
    the last. The table's comment holds the target revisions.
  - The module empties a marked database only if it has not reached those revisions, contains only what an interrupted
    creation leaves behind, and has no other connections. Rows beyond O(inserted_rows), views, sequences, triggers that no
    script names, and references from other databases are something else. In that case the module changes nothing and
    fails with a list of what it found. O(recreate) is the consent to drop it.
  - If a marked database has reached those revisions, the module only removes the mark. It never empties a database without
    the mark.
  - Only one run at a time works on a database. If a command outlives its killed run, the next run waits for that command.
  - Waits up to two minutes for MariaDB to come up, for example after a crash or while its node boots.
  - Fails if the database has a revision that the scripts do not know, because a schema cannot be downgraded.
options:
  name:
    description: Name of this schema in messages.
    type: str
    required: true
  migrations:
    description:
      - Directories with the revision scripts, searched recursively.
      - List all directories that share a version table.
    type: list
    elements: path
    required: true
  command:
    description: Program and arguments that upgrade the schema to the newest revision. No shell is involved.
    type: list
    elements: str
    required: true
  user:
    description: User who runs O(command). Defaults to the user who runs the module.
    type: str
  environment:
    description: Environment of O(command). The module adds only C(PATH), C(HOME) and C(LC_ALL).
    type: dict
    default: {}
  config_file:
    description:
      - The service's configuration file on the node. The module reads the database URL from O(section) and O(option).
      - Exactly one of this and O(connection) is required. With this one, the task contains no secret.
    type: path
  section:
    description: Section of O(config_file).
    type: str
    default: database
  option:
    description: Option in O(section) with the SQLAlchemy URL.
    type: str
    default: connection
  connection:
    description: SQLAlchemy URL of the database, V(mysql+pymysql://...) or V(sqlite:///...).
    type: str
  databases:
    description:
      - Names of the databases on that server that O(command) upgrades, if there are several, such as C(nova) and
        C(nova_cell0). Defaults to the one in the URL.
    type: list
    elements: str
    default: []
  version_table:
    description: Name of Alembic's version table.
    type: str
    default: alembic_version
  timeout:
    description:
      - Seconds after which the module kills O(command). The module waits as long for the command of another run.
      - Large tables can take a long time.
    type: int
    default: 1800
  inserted_rows:
    description:
      - Maximum number of rows that the revision scripts insert, by table. For all other tables it is zero.
      - Without O(recreate), the module empties a database whose creation was interrupted only if no table has more rows.
    type: dict
    default: {}
  recreate:
    description:
      - Consent to drop all tables, views and sequences of a database whose creation was interrupted, even if it contains
        more than an interrupted creation leaves behind. Back up the database first, for example with C(mariadb-dump).
      - Has no effect on a database without the mark, or one whose creation has completed.
    type: bool
    default: false
  secrets:
    description: Values to mask in the command's output. The module always masks the database password.
    type: list
    elements: str
    default: []
requirements:
  - python3-pymysql on the node, for MariaDB
attributes:
  check_mode:
    support: full
    description: Predicts a change even if scripts, configuration or database do not exist yet.
  diff_mode:
    support: full
    description: Shows the revisions.
  idempotent:
    support: full
    description: A second call changes nothing.
  platform:
    support: full
    platforms: posix
    description: Debian.
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Create or upgrade the schema of Placement's database
  mikumo.openstack.database_schema:
    name: placement
    config_file: /etc/placement/placement.conf
    section: placement_database
    migrations: [/usr/lib/python3/dist-packages/placement/db/sqlalchemy/alembic]
    command: [placement-manage, db, sync]
    user: placement

# Map cell0 first. Otherwise the command skips it.
- name: Create or upgrade the schemas of Nova's cells
  mikumo.openstack.database_schema:
    name: nova
    config_file: /etc/nova/nova.conf
    databases: [nova, nova_cell0]
    migrations: [/usr/lib/python3/dist-packages/nova/db/main/migrations]
    command: [nova-manage, db, sync]
    user: nova

- name: Create or upgrade the schema of Neutron's database
  mikumo.openstack.database_schema:
    name: neutron
    config_file: /etc/neutron/neutron.conf
    migrations: [/usr/lib/python3/dist-packages/neutron/db/migration/alembic_migrations]
    command: [neutron-db-manage, --subproject, neutron, upgrade, heads]
    user: neutron
"""

RETURN = r"""
heads:
  description: Newest revision of each branch of the scripts. Empty if check mode found no scripts.
  returned: success
  type: list
  elements: str
before:
  description: Revisions in the database before the run. Empty if its creation had not completed.
  returned: success
  type: list
  elements: str
after:
  description: Revisions in the database after the run.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mikumo.openstack.plugins.module_utils._database import START
from ansible_collections.mikumo.openstack.plugins.module_utils._schema import SchemaError
from ansible_collections.mikumo.openstack.plugins.module_utils._schema_arguments import ARGUMENTS, EXCLUSIVE
from ansible_collections.mikumo.openstack.plugins.module_utils._schema_module import bring_to_head


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        mutually_exclusive=EXCLUSIVE,
        required_one_of=EXCLUSIVE,
        supports_check_mode=True,
    )
    name = module.params["name"]
    try:
        outcome = bring_to_head(module.params, check_mode=module.check_mode, wait=0 if module.check_mode else START)
    except SchemaError as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=outcome.changed,
        heads=outcome.heads,
        before=outcome.before,
        after=outcome.after,
        diff={
            "before": "".join(f"{revision}\n" for revision in outcome.before),
            "after": "".join(f"{revision}\n" for revision in outcome.after),
            "before_header": f"{name} schema",
            "after_header": f"{name} schema",
        },
    )


if __name__ == "__main__":
    main()
