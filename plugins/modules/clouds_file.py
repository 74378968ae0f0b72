#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: clouds_file
short_description: Manage entries in a user's clouds.yaml
version_added: 0.1.0
description:
  - Writes entries into a user's C(clouds.yaml). Keeps everything else, including comments, order, quotes, and options that
    the user added to one of these entries.
  - Replaces the file atomically and sets its mode to 0600.
  - Refuses to overwrite a file that is not YAML, belongs to another user, is a symbolic link, or has a cloud of the same name
    on another host.
author: The Mikumo authors (@mikumo)
options:
  path:
    description: Absolute path of the file. Its directory must exist.
    type: path
    required: true
  clouds:
    description: Entries by name, each with C(auth) and the other keys of OpenStack's C(clouds.yaml) format.
    type: dict
    required: true
  ca_file:
    description:
      - Absolute path of a file for the certificate authorities, to which C(cacert) of the entries may refer.
      - Without O(ca_certificate), a C(cacert) that refers to this file is removed from the entries. The file itself stays.
    type: path
  ca_certificate:
    description: Certificates of these authorities, as PEM. Other content of O(ca_file) is replaced.
    type: str
requirements:
  - ruamel.yaml, if the file has other content
attributes:
  check_mode:
    description: Can run in check mode.
    support: full
  diff_mode:
    description: Shows the file without passwords.
    support: full
  idempotent:
    description: Changes nothing if the entries exist.
    support: full
"""

EXAMPLES = r"""
- name: Save the cloud's credentials
  mikumo.openstack.clouds_file:
    path: /home/me/.config/openstack/clouds.yaml
    clouds:
      mycloud:
        region_name: RegionOne
        auth:
          auth_url: http://192.0.2.11:5000/v3
          username: admin
          project_name: admin
          user_domain_name: Default
          project_domain_name: Default
          password: "{{ keystone_admin_password }}"
  delegate_to: localhost
"""

RETURN = r"""
path:
  description: Path of the file.
  type: str
  returned: success
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mikumo.openstack.plugins.module_utils._clouds_file import CloudsFileError, bring, bring_ca


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "clouds": {"type": "dict", "required": True, "no_log": True},
            "ca_file": {"type": "path"},
            "ca_certificate": {"type": "str"},
        },
        required_by={"ca_certificate": ["ca_file"]},
        supports_check_mode=True,
    )
    path = Path(module.params["path"])
    clouds = module.params["clouds"]
    for name, cloud in clouds.items():
        if not isinstance(cloud, dict) or not isinstance(cloud.get("auth"), dict) or not cloud["auth"].get("auth_url"):
            module.fail_json(msg=f"clouds.{name} lacks auth.auth_url")
    secrets = [str(cloud["auth"]["password"]) for cloud in clouds.values() if cloud["auth"].get("password")]
    # no_log covers the whole argument. Ansible would therefore mask every region and user name in the output.
    module.no_log_values = set(secrets)
    trusted = False
    try:
        # First: it refuses a file with a cloud of the same name, whose authorities must stay.
        ca_file, authorities = module.params["ca_file"], module.params["ca_certificate"]
        unused = ca_file if ca_file and not authorities else ""
        outcome = bring(path, clouds, secrets, unused_ca=unused, check_mode=module.check_mode)
        if authorities:
            trusted = bring_ca(Path(ca_file), authorities, check_mode=module.check_mode)
    except CloudsFileError as error:
        module.fail_json(msg=f"{error}.")
    diff = {"before_header": str(path), "after_header": str(path), "before": outcome.before, "after": outcome.after}
    module.exit_json(changed=outcome.changed or trusted, path=str(path), diff=diff)


if __name__ == "__main__":
    main()
