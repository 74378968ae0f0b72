#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: which Debian packages are installed, once nothing is half-installed any more."""

from __future__ import annotations

DOCUMENTATION = r"""
module: installed_packages
short_description: Read which Debian packages are installed, and finish an installation that was interrupted
version_added: 0.1.0
author:
  - The Mikumo authors (@mikumo)
description:
  - Reads the packages and their states, which is one question to dpkg.
  - Where a killed run or a failure of the power has left packages in the middle of their installation, it is finished with
    C(dpkg --configure --pending) and C(apt-get --fix-broken install), without services being started. An installation that
    still runs is waited for.
  - A C(/usr/sbin/policy-rc.d) that M(ansible.builtin.apt) has written and could not remove is removed. As long as it is
    there, an upgrade restarts no service.
attributes:
  check_mode:
    support: full
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
  diff_mode:
    support: full
    description: Shows the packages whose installation is finished.
  idempotent:
    support: full
    description: Does nothing when no installation was interrupted.
  platform:
    support: full
    platforms: debian
    description: Target OS/families that can be operated against.
options:
  lock_timeout:
    description: For how many seconds to wait until others have ended their installation.
    type: int
    default: 900
seealso:
  - module: ansible.builtin.apt
"""

EXAMPLES = r"""
- name: Read what is installed
  mikumo.openstack.installed_packages:
  register: found

- name: Say whether the node is an iSCSI initiator
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
  description: Names of the packages whose installation had been interrupted and was finished, or in check mode would be.
  returned: success
  type: list
  elements: str
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mikumo.openstack.plugins.module_utils._commands import run
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
    """As apt would have gone on, and as little as it would services are started."""
    if not POLICY.exists():
        POLICY.write_text(APTS_POLICY, encoding="utf-8")
        POLICY.chmod(0o755)
    apt = ["apt-get", "--yes", "--no-install-recommends", "-o", f"DPkg::Lock::Timeout={lock_timeout}", "--fix-broken", "install"]
    said = ""
    # The first one ends with an error where a package has to be unpacked again, which the second one does.
    for command in (["dpkg", "--force-confdef", "--force-confold", "--configure", "--pending"], apt):
        _rc, out, err = run(command, ENVIRONMENT)
        said += out + err
    _installed, unfinished = packages(module)
    if unfinished:
        tail = "\n".join(said.strip().splitlines()[-20:])
        module.fail_json(
            msg=f"The installation of {', '.join(unfinished)} was interrupted and cannot be finished. Repair it on the node with "
            f"`dpkg --configure --pending` and `apt-get --fix-broken install`, and run again. They said:\n{tail}"
        )


def main() -> None:
    module = AnsibleModule(argument_spec={"lock_timeout": {"type": "int", "default": 900}}, supports_check_mode=True)
    lock_timeout = module.params["lock_timeout"]
    installed, unfinished = packages(module)
    policy = forgotten_policy()
    if (unfinished or policy) and not module.check_mode:
        try:
            with nobody_installs(DPKG, lock_timeout):
                # Whoever had the locks may have finished it.
                installed, unfinished = packages(module)
        except LockedError as error:
            module.fail_json(msg=f"{error}: another installation goes on on this node. See `ps -ef | grep -E 'apt|dpkg'` there.")
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
