# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is said once of the options of modules that write files. Their types are in module_utils/_files_module.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  files:
    description: The files.
    type: list
    elements: dict
    required: true
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
    description: Predicts changes. A user or group that does not exist yet is no error then.
  diff_mode:
    support: full
    description: Shows what differs, without secrets.
  idempotent:
    support: full
    description: A second call changes nothing.
  platform:
    support: full
    platforms: posix
    description: Debian.
"""
