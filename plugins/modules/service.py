#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: service
short_description: Files, schemas and units of a service in one call
version_added: 0.1.0
description:
  - Writes files, looks whether the schemas of databases are at their newest revision, and lets units run with the files
    on disk. Each part may be left out. On a node where all is as it should be, one call says so.
  - A file is replaced in one step, is never readable for more users than in the end, and is only touched if it differs.
    Its modification time so tells when its content changed. A new owner or mode leaves the modification time alone.
    Missing parent directories are created as V(root), mode V(0755).
  - Differences never show values of options with a secret-looking name, passwords in URLs or private keys, neither the
    new nor the replaced ones. Only that such a value is another one can be seen.
  - Schemas are looked at as M(mikumo.openstack.database_schema) does in check mode, with the service's own configuration,
    and are not touched. A schema at its newest revision so tells that its database, the account, the password and the
    configuration fit together. A MariaDB that does not run is waited for, up to two minutes, as after a crash or while
    its node starts.
  - Units are started, restarted, enabled and stopped, and waited for until they are active. A unit is restarted if, and
    only if, one of its files changed after its main process was started. There is no state between runs to lose, as a
    handler has it. A run that was interrupted between writing a file and restarting the unit is repaired by the next one.
    A changed unit file or drop-in counts too, and systemd reads it again before.
  - A failed unit gets a new chance. One that systemd restarts by itself has until O(timeout) to become active. One that
    systemd gave up is an error at once, with the end of its journal.
  - The whole call is examined before the first file is touched, so that a mistake in it changes nothing.
options:
  files:
    description: The files.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path. A symbolic link is refused, not followed.
        type: path
        required: true
      content:
        description: The whole content. Required if O(files[].state=present).
        type: str
      owner:
        description: Name or number of the user. O(owner) if not given.
        type: str
      group:
        description: Name or number of the group. O(group) if not given.
        type: str
      mode:
        description: Four octal digits in quotes. O(mode) if not given.
        type: str
      state:
        description:
          - V(present) is a file with O(files[].content), V(directory) a directory.
          - V(absent) removes a file, a symbolic link or an empty directory.
        type: str
        choices: [present, absent, directory]
        default: present
      hidden:
        description:
          - The whole content is a secret, so that differences show nothing of it.
          - Files named C(*.key) or C(*cookie) and Keystone's key repositories are always hidden.
        type: bool
        default: false
  owner:
    description: Owner of files that name none.
    type: str
    default: root
  group:
    description: Group of files that name none.
    type: str
    default: root
  mode:
    description: Mode of files that name none. A directory that names none may also be searched by who may read it.
    type: str
    default: "0640"
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
  units:
    description: Units, in the order in which they are started. They are left alone while one of O(schemas) is behind.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the unit. V(.service) is appended if it has no type.
        type: str
        required: true
      state:
        description:
          - V(started) means active. A masked unit is unmasked then. A oneshot unit so needs C(RemainAfterExit=yes).
          - systemd calls a unit of C(Type=simple) active as soon as its process runs. Whether the service works is for
            O(units[].url) to tell.
        type: str
        choices: [started, stopped]
        default: started
      enabled:
        description: Whether the unit starts at boot. If not given, as O(units[].state) says.
        type: bool
      files:
        description:
          - Absolute paths or patterns. The unit must have been started after the last change of all of them.
          - A directory stands for itself and everything in it, so that also a removed file is noticed.
          - Files that do not exist do not matter.
        type: list
        elements: str
        default: []
      action:
        description: V(reload) reloads units that can. After a change of the unit file they are restarted all the same.
        type: str
        choices: [restart, reload]
        default: restart
      url:
        description:
          - Where the service of the unit answers. In the end the module waits, up to O(timeout), until a GET has the status
            200, or 300 as the list of an API's versions has. If it does not, the error has the end of the unit's journal.
          - Not looked at in check mode.
        type: str
  timeout:
    description:
      - Seconds until all units must be active, and then until their URLs must answer.
      - Starting a Python service costs several seconds of a processor, and a small node with one core starts
        a dozen of them together, which is why this is not the minute and a half that systemd allows for one.
      - A unit that needs longer than its own C(TimeoutStartSec) is stopped by systemd whatever is given here.
    type: int
    default: 300
  secrets:
    description:
      - Values that must not be seen anywhere. Ansible removes them from its output and from the node's journal.
      - The content of files is left out there in any case.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
    description:
      - Predicts changes, also of units by files that would be written. A user, group or unit that does not exist yet is no error.
  diff_mode:
    support: full
    description: Shows what differs in files, without secrets, and state and reason for each unit that is changed.
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
- name: Placement, whose database may still have to be made
  mikumo.openstack.service:
    group: placement
    secrets: ["{{ placement_database_password }}"]
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

- name: Files alone
  mikumo.openstack.service:
    files:
      - {path: /etc/glance, state: directory, mode: "0755"}
      - {path: /etc/glance/glance-cache.conf, state: absent}

- name: Keep a service of the distribution from running
  mikumo.openstack.service:
    units:
      - {name: apache2, state: stopped}
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
    - If there are any, the units were left alone.
    - In check mode also of those whose MariaDB does not run. Otherwise that is an error, after the wait.
  returned: success
  type: list
  elements: str
  sample: [placement]
started:
  description: Units that were not running.
  returned: success
  type: list
  elements: str
restarted:
  description: Units that ran with old files.
  returned: success
  type: list
  elements: str
  sample: [nova-api.service]
reloaded:
  description: Units that were reloaded.
  returned: success
  type: list
  elements: str
stopped:
  description: Units that ran and should not.
  returned: success
  type: list
  elements: str
enabled:
  description: Units that were enabled.
  returned: success
  type: list
  elements: str
disabled:
  description: Units that were disabled.
  returned: success
  type: list
  elements: str
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mikumo.openstack.plugins.module_utils import _config_files, _schema_module
from ansible_collections.mikumo.openstack.plugins.module_utils._config_files import MASK, FilesError, mask
from ansible_collections.mikumo.openstack.plugins.module_utils._database import START
from ansible_collections.mikumo.openstack.plugins.module_utils._schema import SchemaError
from ansible_collections.mikumo.openstack.plugins.module_utils._schema_module import bring_to_head
from ansible_collections.mikumo.openstack.plugins.module_utils._systemctl import Systemctl, UnitsError
from ansible_collections.mikumo.openstack.plugins.module_utils._units import Converger
from ansible_collections.mikumo.openstack.plugins.module_utils._units import parse as parse_units

ARGUMENTS: dict[str, t.Any] = {
    "files": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "path": {"type": "path", "required": True},
            "content": {"type": "str"},
            "owner": {"type": "str"},
            "group": {"type": "str"},
            "mode": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent", "directory"], "default": "present"},
            "hidden": {"type": "bool", "default": False},
        },
    },
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "mode": {"type": "str", "default": "0640"},
    "schemas": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": _schema_module.ARGUMENTS,
        "mutually_exclusive": _schema_module.EXCLUSIVE,
        "required_one_of": _schema_module.EXCLUSIVE,
    },
    "units": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["started", "stopped"], "default": "started"},
            "enabled": {"type": "bool"},
            "files": {"type": "list", "elements": "str", "default": []},
            "action": {"type": "str", "choices": ["restart", "reload"], "default": "restart"},
            "url": {"type": "str"},
        },
    },
    "timeout": {"type": "int", "default": 300},
    "secrets": {"type": "list", "elements": "str", "default": [], "no_log": True},
}


class Module(AnsibleModule):  # type: ignore[misc]
    def _log_invocation(self) -> None:
        # The default writes all arguments to the journal, where the files' content does not belong.
        counts = ", ".join(f"{len(self.params[kind])} {kind}" for kind in ("files", "schemas", "units"))
        self.log(f"{self._name}: {counts}")

    def exit_json(self, **result: t.Any) -> None:
        super().exit_json(**{"invocation": invocation(self.params), **result})

    def fail_json(self, msg: str, **result: t.Any) -> None:
        # Also for what Ansible finds wrong with the arguments.
        super().fail_json(msg, **{"invocation": invocation(self.params), **result})


def invocation(params: dict[str, t.Any]) -> dict[str, t.Any]:
    """The arguments as Ansible returns them for -vvv, without what is secret in the files. They may be the wrong ones."""
    files = params.get("files")
    return {"module_args": {**params, "files": [_shown(entry) for entry in files] if isinstance(files, list) else MASK}}


def _shown(entry: t.Any) -> t.Any:
    if not isinstance(entry, dict):
        return MASK
    content = entry.get("content")
    if content is None:
        return entry
    hidden = entry.get("hidden") or not isinstance(content, str)
    return {**entry, "content": f"({len(str(content))} characters)" if hidden else mask(content)}


def main() -> None:
    module = Module(argument_spec=ARGUMENTS, supports_check_mode=True)
    params, check_mode = module.params, module.check_mode
    # What an error comes too late for is told with it.
    result: dict[str, t.Any] = {"changed": False, "changed_files": [], "diff": [], "schemas_behind": []}
    try:
        units = parse_units(params["units"])
        wanted = _config_files.parse(params["files"], owner=params["owner"], group=params["group"], mode=params["mode"])
        files = _config_files.sync(wanted, secrets=params["secrets"], check_mode=check_mode)
        result |= {"changed": files.changed, "changed_files": files.changed_files, "diff": files.diff}
        contents = {entry["path"]: entry["content"] or "" for entry in params["files"] if entry["state"] == "present"}
        unwritten = {path: contents.get(path, "") for path in files.changed_files} if check_mode else {}
        wait = 0 if check_mode else START
        looks = [(one["name"], bring_to_head(one, check_mode=True, wait=wait, unwritten=unwritten)) for one in params["schemas"]]
        result["schemas_behind"] = [name for name, look in looks if look.changed]
        converger = Converger(Systemctl(timeout=params["timeout"]), timeout=params["timeout"], check_mode=check_mode)
        outcome = converger.converge([] if result["schemas_behind"] else units, unwritten)
    except (FilesError, SchemaError, UnitsError) as error:
        # A service may write the URL of its database into the journal when it cannot connect.
        module.fail_json(msg=mask(str(error), params["secrets"]), **result)
    for warning in outcome.warnings:
        module.warn(warning)
    result["changed"] |= outcome.changed
    if outcome.changed:
        result["diff"] = [*result["diff"], outcome.diff]
    module.exit_json(**result, **outcome.units)


if __name__ == "__main__":
    main()
