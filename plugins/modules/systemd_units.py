#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: systemd_units
short_description: Make sure that units run with the files that are on disk
version_added: 0.1.0
description:
  - Starts, restarts, enables, stops and masks any number of units in one call, and waits until they are active.
  - A unit is restarted if, and only if, one of its files changed after its main process was started. There is no state
    between runs to lose, as a handler has it. A run that was interrupted between writing a file and restarting the
    unit is repaired by the next one.
  - A changed unit file or drop-in counts too, and systemd reads it again before.
  - A failed unit gets a new chance. One that systemd restarts by itself has until O(timeout) to become active. One
    that systemd gave up is an error at once, with the end of its journal.
  - If everything is as it should be, a single C(systemctl show) is all that happens.
options:
  units:
    description: The units, in the order in which they are started.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the unit. V(.service) is appended if it has no type.
        type: str
        required: true
      state:
        description:
          - V(started) means active. A oneshot unit so needs C(RemainAfterExit=yes).
          - systemd calls a unit of C(Type=simple) active as soon as its process runs. Whether the service works is for
            O(units[].url) to tell.
          - V(started) if not given, V(stopped) for a masked unit.
        type: str
        choices: [started, stopped]
      enabled:
        description: Whether the unit starts at boot. If not given, as O(units[].state) says.
        type: bool
      masked:
        description: Whether the unit cannot be started at all.
        type: bool
        default: false
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
      wave:
        description:
          - Units of the same wave start together, those of a higher one only when all units of the lower are active.
        type: int
        default: 0
      url:
        description:
          - Where the service of the unit answers. In the end the module waits, up to O(timeout), until a GET has the status
            200, or 300 as the list of an API's versions has. If it does not, the error has the end of the unit's journal.
          - Not looked at in check mode.
        type: str
  files:
    description: Files of all units, in addition to each unit's own.
    type: list
    elements: str
    default: []
  daemon_reload:
    description: V(auto) reloads systemd's configuration if one of the units changed or is not known yet.
    type: str
    choices: [auto, always, never]
    default: auto
  timeout:
    description:
      - Seconds until all units of a wave must be active.
      - Starting a Python service costs several seconds of a processor, and a small node with one core starts
        a dozen of them together, which is why this is not the minute and a half that systemd allows for one.
      - A unit that needs longer than its own C(TimeoutStartSec) is stopped by systemd whatever is given here.
    type: int
    default: 300
  secrets:
    description: Values that must not be seen in the journal lines of an error message.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
    description: Predicts changes. A unit that does not exist yet is no error then.
  diff_mode:
    support: full
    description: Shows state and reason for each unit that is changed.
  idempotent:
    support: full
    description: A second call changes nothing.
  platform:
    support: full
    platforms: posix
    description: Debian with systemd 257 or newer.
author:
  - The Mikumo authors
"""

EXAMPLES = r"""
- name: Run Nova's control services with the configuration on disk
  mikumo.openstack.systemd_units:
    files: [/etc/nova/nova.conf]
    units:
      - name: nova-api
        files: [/etc/nova/api-paste.ini, /etc/nova/nova-api-uwsgi.ini]
        url: http://10.0.0.11:8774/
      - name: nova-conductor
      # both create the same runtime directory
      - name: nova-scheduler
        wave: 1

- name: Keep a service of the distribution from running
  mikumo.openstack.systemd_units:
    units:
      - name: apache2
        state: stopped
"""

RETURN = r"""
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

from ansible_collections.mikumo.openstack.plugins.module_utils._config_files import mask
from ansible_collections.mikumo.openstack.plugins.module_utils._units import Converger, Systemctl, UnitsError, parse

ARGUMENTS: dict[str, t.Any] = {
    "units": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["started", "stopped"]},
            "enabled": {"type": "bool"},
            "masked": {"type": "bool", "default": False},
            "files": {"type": "list", "elements": "str", "default": []},
            "action": {"type": "str", "choices": ["restart", "reload"], "default": "restart"},
            "wave": {"type": "int", "default": 0},
            "url": {"type": "str"},
        },
    },
    "files": {"type": "list", "elements": "str", "default": []},
    "daemon_reload": {"type": "str", "choices": ["auto", "always", "never"], "default": "auto"},
    "timeout": {"type": "int", "default": 300},
    "secrets": {"type": "list", "elements": "str", "default": [], "no_log": True},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    params = module.params
    converger = Converger(
        Systemctl(timeout=params["timeout"]),
        timeout=params["timeout"],
        daemon_reload=params["daemon_reload"],
        check_mode=module.check_mode,
    )
    try:
        outcome = converger.converge(parse(params["units"], params["files"]))
    except UnitsError as error:
        # A service may write the URL of its database into the journal when it cannot connect.
        module.fail_json(msg=mask(str(error), params["secrets"]))
    for warning in outcome.warnings:
        module.warn(warning)
    module.exit_json(
        changed=outcome.changed,
        started=outcome.started,
        restarted=outcome.restarted,
        reloaded=outcome.reloaded,
        stopped=outcome.stopped,
        enabled=outcome.enabled,
        disabled=outcome.disabled,
        diff={"before": "".join(outcome.before), "after": "".join(outcome.after)},
    )


if __name__ == "__main__":
    main()
