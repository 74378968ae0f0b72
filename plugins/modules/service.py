#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: service
short_description: Manage a service's files and units and check its database schemas in one call
version_added: 0.1.0
description:
  - Writes files, checks that database schemas are at their newest revision, and makes sure that units run with the files
    on disk. Each part is optional. If a node already has the desired state, one call confirms it.
  - The module replaces a file atomically, and only if it differs. The modification time therefore shows when the content last
    changed. A new owner or mode does not change the modification time. At no time can more users read the file than its final
    mode allows. The module creates missing parent directories as V(root), mode V(0755).
  - Diffs never show private keys, passwords in URLs or the values of options with a secret-looking name, neither old nor
    new. They only show that such a value changed.
  - The module checks schemas as M(mikumo.openstack.database_schema) does in check mode, with the service's own
    configuration, and does not modify them. A schema at its newest revision therefore proves that its database, account,
    password and configuration match. Waits up to two minutes for MariaDB to come up, for example after a crash or while its
    node boots.
  - Starts, restarts, enables and stops units, and waits until they are active. Restarts a unit if, and only if, one of its
    files changed after its main process started. Unlike a handler, this needs no state that an interrupted run could lose.
    If a run stops between writing a file and restarting the unit, the next run restarts the unit. A changed unit file or
    drop-in counts too. The module then reloads systemd's configuration first.
  - The module tries to start a failed unit again. A unit that systemd restarts automatically has until O(timeout) to become
    active. If systemd has given up on a unit, the module fails immediately and shows the end of its journal.
  - The module validates all arguments before it touches the first file. Invalid arguments change nothing.
options:
  files:
    description: Files and directories to manage.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path. The module refuses a symbolic link instead of following it.
        type: path
        required: true
      content:
        description: The whole content. Required if O(files[].state=present).
        type: str
      owner:
        description: Name or UID of the owner. Defaults to O(owner).
        type: str
      group:
        description: Name or GID of the group. Defaults to O(group).
        type: str
      mode:
        description: Four octal digits in quotes. Defaults to O(mode).
        type: str
      state:
        description:
          - V(present) writes a file with O(files[].content). V(directory) creates a directory.
          - V(absent) removes a file, a symbolic link or an empty directory.
        type: str
        choices: [present, absent, directory]
        default: present
      hidden:
        description:
          - The whole content is a secret. Diffs show none of it.
          - Files named C(*.key) or C(*cookie) and Keystone's key repositories are always hidden.
        type: bool
        default: false
  owner:
    description: Default owner of O(files).
    type: str
    default: root
  group:
    description: Default group of O(files).
    type: str
    default: root
  mode:
    description:
      - Default mode of O(files).
      - Directories without an explicit mode get execute permission wherever they have read permission.
    type: str
    default: "0640"
  schemas:
    description: Schemas to check. Entries may contain all options of M(mikumo.openstack.database_schema).
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of this schema in messages and in RV(schemas_behind).
        type: str
        required: true
      migrations:
        description: Directories with the revision scripts, searched recursively.
        type: list
        elements: path
        required: true
      config_file:
        description: Configuration file with the database URL. Exactly one of this and O(schemas[].connection) is required.
        type: path
      section:
        description: Section of O(schemas[].config_file).
        type: str
        default: database
      option:
        description: Option in O(schemas[].section) with the SQLAlchemy URL.
        type: str
        default: connection
      connection:
        description: SQLAlchemy URL of the database.
        type: str
      databases:
        description: Names of the databases on that server, if there are several. Defaults to the one in the URL.
        type: list
        elements: str
        default: []
      version_table:
        description: Name of Alembic's version table.
        type: str
        default: alembic_version
      command:
        description: Not used by this module.
        type: list
        elements: str
        required: true
      user:
        description: Not used by this module.
        type: str
      environment:
        description: Not used by this module.
        type: dict
        default: {}
      timeout:
        description: Not used by this module.
        type: int
        default: 1800
      inserted_rows:
        description: Maximum number of rows that the revision scripts insert, by table.
        type: dict
        default: {}
      recreate:
        description: Whether a database whose creation was interrupted may be emptied, whatever it contains.
        type: bool
        default: false
      secrets:
        description: Values to mask. The module always masks the database password.
        type: list
        elements: str
        default: []
  units:
    description: Units, in start order. The module leaves them alone while one of O(schemas) is behind.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the unit. The suffix V(.service) may be omitted.
        type: str
        required: true
      state:
        description:
          - V(started) means active. A masked unit is unmasked first. A oneshot unit therefore needs C(RemainAfterExit=yes).
          - systemd considers a unit with C(Type=simple) active as soon as its process runs. Use O(units[].url) to check
            that the service works.
        type: str
        choices: [started, stopped]
        default: started
      enabled:
        description: Whether the unit starts at boot. By default, a unit with O(units[].state=started) does.
        type: bool
      files:
        description:
          - Absolute paths or glob patterns. If one of these files changed after the unit started, the module runs
            O(units[].action).
          - A directory includes everything in it. The module therefore notices removed files too.
          - Files that do not exist are ignored.
        type: list
        elements: str
        default: []
      action:
        description: V(reload) reloads units that support it. A change of the unit file still restarts them.
        type: str
        choices: [restart, reload]
        default: restart
      url:
        description:
          - URL at which the unit's service answers. As its last step the module waits, up to O(timeout), until a GET returns
            status 200, or 300 as an API's version list does. Otherwise it fails and shows the end of the unit's journal.
          - Ignored in check mode.
        type: str
  timeout:
    description:
      - Seconds to wait until all units are active, and then again until their URLs answer.
      - Starting a Python service takes several seconds of CPU time, and a small node with one core starts a dozen of them
        at once. The default is therefore longer than the 90 seconds that systemd allows a single unit.
      - systemd stops a unit that exceeds its own C(TimeoutStartSec), whatever the value here.
    type: int
    default: 300
  secrets:
    description:
      - Further values to mask. The module itself finds passwords in O(files[].content), by the names of options and in URLs.
      - Ansible removes all of them from its output and from the node's journal.
      - The module never logs or returns the content of files there, with or without this option.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
    description:
      - Predicts changes, including units that would restart because of files that would be written.
      - A user, group or unit that does not exist yet is not an error.
  diff_mode:
    support: full
    description: Shows changes to files, without secrets, and the state of each changed unit with the reason for the change.
  idempotent:
    support: full
    description: A second call changes nothing.
  platform:
    support: full
    platforms: posix
    description: Debian with systemd 257 or newer.
requirements:
  - python3-pymysql on the node, for schemas in MariaDB
seealso:
  - module: mikumo.openstack.database_schema
  - plugin: mikumo.openstack.oslo_config
    plugin_type: filter
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Configure Placement, whose database may not exist yet
  mikumo.openstack.service:
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
    units:
      - name: placement-api
        files: [/etc/placement/placement.conf]
        url: http://10.0.0.11:8778/
  register: placement_state

- name: Manage files only
  mikumo.openstack.service:
    files:
      - {path: /etc/glance, state: directory, mode: "0755"}
      - {path: /etc/glance/glance-cache.conf, state: absent}

- name: Stop and disable a service that Debian starts by default
  mikumo.openstack.service:
    units:
      - {name: apache2, state: stopped}
"""

RETURN = r"""
changed_files:
  description: Paths of the files that the module changed, created or removed.
  returned: success
  type: list
  elements: str
  sample: [/etc/placement/placement.conf]
schemas_behind:
  description:
    - Names of the schemas that are not at their newest revision, or whose database, account or scripts do not exist yet.
    - If the list is not empty, the module left the units alone.
    - In check mode the list includes schemas whose MariaDB is down. Otherwise the module waits, then fails.
  returned: success
  type: list
  elements: str
  sample: [placement]
started:
  description: Units that the module started.
  returned: success
  type: list
  elements: str
restarted:
  description: Units that the module restarted because they ran with old files.
  returned: success
  type: list
  elements: str
  sample: [nova-api.service]
reloaded:
  description: Units that the module reloaded.
  returned: success
  type: list
  elements: str
stopped:
  description: Units that the module stopped.
  returned: success
  type: list
  elements: str
enabled:
  description: Units that the module enabled.
  returned: success
  type: list
  elements: str
disabled:
  description: Units that the module disabled.
  returned: success
  type: list
  elements: str
"""

import typing as t

from ansible_collections.mikumo.openstack.plugins.module_utils import _config_files
from ansible_collections.mikumo.openstack.plugins.module_utils._config_files import FilesError, mask, secrets_of
from ansible_collections.mikumo.openstack.plugins.module_utils._service_module import (
    ARGUMENTS,
    ServiceModule,
    ServiceSchemaError,
    contents_of,
    schemas_behind,
)
from ansible_collections.mikumo.openstack.plugins.module_utils._systemctl import Systemctl, UnitsError
from ansible_collections.mikumo.openstack.plugins.module_utils._units import Converger
from ansible_collections.mikumo.openstack.plugins.module_utils._units import parse as parse_units


def main() -> None:
    module = ServiceModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    params, check_mode = module.params, module.check_mode
    contents = contents_of(params["files"])
    secrets = {*params["secrets"]}.union(*map(secrets_of, contents.values()))
    module.no_log_values.update(secrets)
    # A failure also reports the changes made before it.
    result: dict[str, t.Any] = {"changed": False, "changed_files": [], "diff": [], "schemas_behind": []}
    try:
        units = parse_units(params["units"])
        wanted = _config_files.parse(params["files"], owner=params["owner"], group=params["group"], mode=params["mode"])
        files = _config_files.sync(wanted, secrets=secrets, check_mode=check_mode)
        result |= {"changed": files.changed, "changed_files": files.changed_files, "diff": files.diff}
        unwritten = {path: contents.get(path, "") for path in files.rewritten} if check_mode else {}
        result["schemas_behind"] = schemas_behind(params["schemas"], check_mode=check_mode, unwritten=unwritten)
        converger = Converger(Systemctl(timeout=params["timeout"]), timeout=params["timeout"], check_mode=check_mode)
        outcome = converger.converge([] if result["schemas_behind"] else units, unwritten)
    except (FilesError, ServiceSchemaError, UnitsError) as error:
        # A service may write the URL of its database into the journal when it cannot connect.
        module.fail_json(msg=mask(str(error), secrets), **result)
    for warning in outcome.warnings:
        module.warn(warning)
    result["changed"] |= outcome.changed
    if outcome.changed:
        result["diff"] = [*result["diff"], outcome.diff]
    module.exit_json(**result, **outcome.units)


if __name__ == "__main__":
    main()
