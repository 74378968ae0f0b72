#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: database_schema
short_description: Bring the schema of a service's database to its newest revision
version_added: 0.1.0
description:
  - Compares the revision scripts that are installed with the revisions that alembic noted in the database,
    and runs the service's own command only if the database lacks one. Looking takes a fraction of a second, whereas
    the command loads the whole service to find that there is nothing to do.
  - After the command the database is looked at again. A command that ends well without all revisions is an error.
  - A schema whose creation was interrupted, by a killed run or a failure of the power, is created again from an empty
    database. A table named C(mikumo_schema_is_being_created) marks the database from before the first revision until after
    the last. Its comment has the revisions aimed at.
  - A marked database is emptied only if it has not reached those revisions, holds nothing that a creation does not leave
    (rows beyond O(inserted_rows), views, sequences, triggers that no script names, references from other databases), and
    nobody else is connected to it. Anything else is an error that names what was found, and changes nothing. O(recreate)
    is the consent to drop it.
  - If a marked database has reached those revisions, only the mark is removed. A database without the mark is never emptied.
  - One run at a time works on a database. A command that goes on after its run was killed is waited for.
  - A MariaDB that does not run is waited for, up to two minutes, as after a crash or while its node starts.
  - A database that has a revision unknown to the scripts is an error, since a schema cannot go back.
options:
  name:
    description: What messages call this schema.
    type: str
    required: true
  migrations:
    description:
      - Directories with the revision scripts, searched with all below.
      - All that share a version table have to be given.
    type: list
    elements: path
    required: true
  command:
    description: Program and arguments that bring the schema to the newest revision. There is no shell.
    type: list
    elements: str
    required: true
  user:
    description: User who runs O(command). Who runs the module if not given.
    type: str
  environment:
    description: Variables for O(command), which gets nothing but these, C(PATH), C(HOME) and C(LC_ALL).
    type: dict
    default: {}
  config_file:
    description:
      - Configuration of the service on the node, from which O(section) and O(option) give the database.
      - Exactly one of this and O(connection) is required. This one needs no secret in the task.
    type: path
  section:
    description: Section of O(config_file).
    type: str
    default: database
  option:
    description: Option in O(section) with SQLAlchemy's URL.
    type: str
    default: connection
  connection:
    description: SQLAlchemy's URL of the database, V(mysql+pymysql://...) or V(sqlite:///...).
    type: str
  databases:
    description:
      - Names of the databases on that server which O(command) brings to the newest revision, if they are several, as
        C(nova) and C(nova_cell0) are. The one in the URL if none is given.
    type: list
    elements: str
    default: []
  version_table:
    description: Name of alembic's table.
    type: str
    default: alembic_version
  timeout:
    description: Seconds after which O(command) is killed, and for which another run's is waited for. Large tables can take long.
    type: int
    default: 1800
  inserted_rows:
    description:
      - The most rows that the revision scripts insert, by table. Tables that are not named get none from them.
      - A database whose creation was interrupted is emptied without O(recreate) only if it has no more rows.
    type: dict
    default: {}
  recreate:
    description:
      - Consent to drop all tables, views and sequences of a database whose creation was interrupted, although it holds more
        than a creation leaves. Make a copy before, for instance with C(mariadb-dump).
      - Does nothing for a database without the mark, or whose creation came to its end.
    type: bool
    default: false
  secrets:
    description: Values that must not be seen in the command's output. The database's password is among them anyway.
    type: list
    elements: str
    default: []
requirements:
  - python3-pymysql on the node, for MariaDB
attributes:
  check_mode:
    support: full
    description: Predicts a change also while scripts, configuration or database are missing.
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

# Cell 0 has to be mapped before, otherwise the command passes over it.
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
  description: Newest revision of each branch among the scripts. Empty if check mode found no scripts.
  returned: success
  type: list
  elements: str
before:
  description: Revisions in the database before. None while its creation has not come to its end.
  returned: success
  type: list
  elements: str
after:
  description: Revisions in the database now.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mikumo.openstack.plugins.module_utils._database import START
from ansible_collections.mikumo.openstack.plugins.module_utils._schema import SchemaError
from ansible_collections.mikumo.openstack.plugins.module_utils._schema_module import ARGUMENTS, EXCLUSIVE, bring_to_head


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
