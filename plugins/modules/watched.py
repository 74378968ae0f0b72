# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: watched
short_description: Run a slow module and show its progress
version_added: 0.1.0
author:
  - The Mikumo authors (@mikumo)
description:
  - Runs another module, and shows lines such as C([controller] 312 of 981 packages unpacked, 40 configured (17 %)) while it
    works. The result, the predictions of check mode and the diff are those of the other module.
  - Polls over the same connection, with a command that takes a few milliseconds. A task that ends before the first poll shows
    no progress, and a skipped task costs nothing.
  - With a callback that writes JSON to standard output, the lines go to standard error.
attributes:
  check_mode:
    support: full
    description: Can run in C(check_mode) and return changed status prediction, as far as the other module can.
  diff_mode:
    support: full
    description: Will return details on what has changed, as far as the other module does.
  idempotent:
    support: full
    description: As far as the other module is.
  action:
    support: full
    description: Indicates this has a corresponding action plugin so some parts of the options can be executed on the controller.
options:
  module:
    description: Fully qualified name of the other module. It runs as a plain module, without an action plugin of the same name.
    type: str
    required: true
  arguments:
    description: Arguments of the other module.
    type: dict
    default: {}
  packages_in:
    description:
      - Root directory of the Debian system in which the module installs packages, usually V(/).
      - The progress comes from the logs of apt and dpkg.
    type: path
  build:
    description:
      - Name of the build, as the build scripts of the role lab use it. C(BUILD.log) has the steps, one per line after a
        timestamp, and C(BUILD.tmp/work) is the working directory. If that has a Debian system in C(root), the progress counts
        its packages.
    type: path
  objects:
    description: Number of object files that a kernel build compiles.
    type: int
    default: 0
  every:
    description: Seconds between two polls. The plugin shows a line only if there is progress, or after a minute.
    type: int
    default: 12
seealso:
  - module: ansible.builtin.apt
  - module: ansible.builtin.command
"""

EXAMPLES = r"""
- name: Install MariaDB and show the progress
  mikumo.openstack.watched:
    module: ansible.builtin.apt
    arguments:
      name: mariadb-server
      update_cache: true
    packages_in: /
"""

RETURN = r"""
msg:
  description: Message of the other module. The result has all keys that the other module returns, and no others.
  returned: if the other module has one, and always on failure
  type: str
"""
