#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: finish interrupted installations and read the installed Debian packages."""

from __future__ import annotations

DOCUMENTATION = r"""
module: installed_packages
short_description: Read which Debian packages are installed, and finish an interrupted installation
version_added: 0.1.0
author:
  - The Mikumo authors (@mikumo)
description:
  - Reads the packages and their states with a single dpkg query.
  - If a killed run or a power failure left packages half-installed, the module finishes their installation with
    C(dpkg --configure --pending) and C(apt-get --fix-broken install), without starting services. First it waits for
    installations that are still running.
  - Removes a C(/usr/sbin/policy-rc.d) that M(ansible.builtin.apt) wrote but could not remove. As long as this file exists,
    upgrades do not restart services.
attributes:
  check_mode:
    support: full
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
  diff_mode:
    support: full
    description: Shows the packages whose installation the module finishes.
  idempotent:
    support: full
    description: Does nothing if no installation was interrupted.
  platform:
    support: full
    platforms: debian
    description: Target OS/families that can be operated against.
options:
  lock_timeout:
    description: Seconds to wait for other installations to end.
    type: int
    default: 900
seealso:
  - module: ansible.builtin.apt
"""

EXAMPLES = r"""
- name: Read the installed packages
  mikumo.openstack.installed_packages:
  register: found

- name: Show whether the node is an iSCSI initiator
  ansible.builtin.debug:
    msg: "{{ 'open-iscsi' in found.installed }}"
"""

RETURN = r"""
installed:
  description: Names of the packages that are installed and configured.
  returned: success
  type: list
  elements: str
finished:
  description: Names of the packages whose interrupted installation the module finished, or in check mode would finish.
  returned: success
  type: list
  elements: str
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mikumo.openstack.plugins.module_utils._commands import last_lines, run
from ansible_collections.mikumo.openstack.plugins.module_utils._dpkg import (
    APTS_POLICY,
    POLICY,
    QUERY,
    LockedError,
    by_state,
    forgotten_policy,
    nobody_installs,
)

DPKG = Path("/var/lib/dpkg")
ENVIRONMENT = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"}


def packages(module: AnsibleModule) -> tuple[list[str], list[str]]:
    rc, out, err = run(QUERY)
    if rc != 0:
        module.fail_json(msg=f"dpkg-query cannot read the node's packages: {err.strip()}. Is this a Debian machine?")
    return by_state(out)


def finish(module: AnsibleModule, lock_timeout: int) -> None:
    """Finish the installation as apt would have, and start as few services as it would have."""
    if not POLICY.exists():
        POLICY.write_text(APTS_POLICY, encoding="utf-8")
        POLICY.chmod(0o755)
    apt = ["apt-get", "--yes", "--no-install-recommends", "-o", f"DPkg::Lock::Timeout={lock_timeout}", "--fix-broken", "install"]
    said = ""
    # dpkg fails if a package must be unpacked again. apt-get does that.
    for command in (["dpkg", "--force-confdef", "--force-confold", "--configure", "--pending"], apt):
        _rc, out, err = run(command, ENVIRONMENT)
        said += out + err
    _installed, unfinished = packages(module)
    if unfinished:
        module.fail_json(
            msg=f"The installation of {', '.join(unfinished)} was interrupted and cannot be finished. Repair it on the node with "
            f"`dpkg --configure --pending` and `apt-get --fix-broken install`, and run again. The end of their output:\n"
            f"{last_lines(said)}"
        )


def main() -> None:
    module = AnsibleModule(argument_spec={"lock_timeout": {"type": "int", "default": 900}}, supports_check_mode=True)
    lock_timeout = module.params["lock_timeout"]
    installed, unfinished = packages(module)
    policy = forgotten_policy()
    if (unfinished or policy) and not module.check_mode:
        try:
            with nobody_installs(DPKG, lock_timeout):
                # The process that held the locks may have finished the installation.
                installed, unfinished = packages(module)
        except LockedError as error:
            module.fail_json(msg=f"{error}: another installation is running on this node. See `ps -ef | grep -E 'apt|dpkg'`.")
        policy = forgotten_policy()
        try:
            if unfinished:
                finish(module, lock_timeout)
                installed, _none = packages(module)
        finally:
            if forgotten_policy():
                POLICY.unlink(missing_ok=True)
    lines = [f"{name}: installation interrupted" for name in unfinished] + [f"{POLICY}: forgotten"] * policy
    module.exit_json(
        changed=bool(lines),
        installed=installed,
        finished=unfinished,
        diff={"before": "".join(f"{line}\n" for line in lines), "after": "".join(f"{name}: installed\n" for name in unfinished)},
    )


if __name__ == "__main__":
    main()
