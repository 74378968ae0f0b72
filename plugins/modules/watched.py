# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name, which runs where Ansible does."""

from __future__ import annotations

DOCUMENTATION = r"""
module: watched
short_description: Run a module that takes minutes, and show how far it is
version_added: 0.1.0
author:
  - The Mikumo authors (@mikumo)
description:
  - Runs another module, and shows lines such as C([controller] 312 of 981 packages unpacked, 40 configured (17 %)) while it
    works. The result, the predictions of check mode and the diff are those of the other module.
  - It looks over the same connection, with a command of a few milliseconds. Work that is over before the first look shows
    nothing, and a task that is skipped costs nothing.
  - With a callback that writes JSON to the standard output the lines go to the standard error.
attributes:
  check_mode:
    support: full
    description: Can run in C(check_mode) and return changed status prediction, as far as the other module can.
  diff_mode:
    support: full
    description: Will return details on what has changed, as far as the other module does.
  idempotent:
    support: full
    description: As the other module.
  action:
    support: full
    description: Indicates this has a corresponding action plugin so some parts of the options can be executed on the controller.
options:
  module:
    description: Full name of the other module. It runs as a module, without an action plugin of its name.
    type: str
    required: true
  arguments:
    description: Its arguments.
    type: dict
    default: {}
  packages_in:
    description:
      - Root directory of the Debian system in which the module installs packages, as a rule V(/).
      - They are counted from the logs of apt and dpkg.
    type: path
  build:
    description:
      - Name of what the module builds, as the build scripts of the role lab know it. C(BUILD.log) has the steps, one a line
        with the time in front, and C(BUILD.tmp/work) what is being built. If that is a Debian system in C(root), its packages
        are counted.
    type: path
  objects:
    description: How many object files a build compiles, if it is one of a kernel.
    type: int
    default: 0
  every:
    description: Seconds between two looks. A line is shown only when something has moved, or after a minute.
    type: int
    default: 12
seealso:
  - module: ansible.builtin.apt
  - module: ansible.builtin.command
"""

EXAMPLES = r"""
- name: Install a database
  mikumo.openstack.watched:
    module: ansible.builtin.apt
    arguments:
      name: mariadb-server
      update_cache: true
    packages_in: /
"""

RETURN = r"""
"*":
  description: What the other module returns.
  returned: always
  type: raw
"""
