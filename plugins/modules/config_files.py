#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: config_files
short_description: Write all configuration files of a service at once
version_added: 0.1.0
description:
  - Brings any number of files and directories into the wanted state in one call.
  - A file is replaced in one step, is never readable for more users than in the end, and is only touched if it
    differs. Its modification time so tells when its content changed, which M(mikumo.openstack.systemd_units) relies on.
    A new owner or mode leaves the modification time alone.
  - Missing parent directories are created as V(root), mode V(0755).
  - Everything is examined before the first file is touched, so that a mistake in the call changes nothing.
  - Differences never show values of options with a secret-looking name, passwords in URLs or private keys, neither
    the new nor the replaced ones. Only that such a value is another one can be seen.
extends_documentation_fragment:
  - mikumo.openstack.files
options: {}
attributes: {}
author:
  - The Mikumo authors
"""

EXAMPLES = r"""
- name: Write the configuration of Glance
  mikumo.openstack.config_files:
    group: glance
    secrets: ["{{ glance_password }}", "{{ glance_database_password }}"]
    files:
      - path: /etc/glance
        state: directory
        mode: "0755"
      - path: /etc/glance/glance-api.conf
        content: "{{ __glance_config | mikumo.openstack.oslo_config }}"
      - path: /etc/glance/glance-cache.conf
        state: absent
"""

RETURN = r"""
changed_files:
  description: Paths of the files that were changed, created or removed.
  returned: success
  type: list
  elements: str
  sample: [/etc/glance/glance-api.conf]
"""

from ansible_collections.mikumo.openstack.plugins.module_utils._files_module import ARGUMENTS, Module


def main() -> None:
    module = Module(argument_spec=ARGUMENTS, supports_check_mode=True)
    module.exit_json(**module.write())


if __name__ == "__main__":
    main()
