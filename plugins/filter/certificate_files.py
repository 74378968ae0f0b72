# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: certificate_files
version_added: 0.1.0
short_description: Describe the files of a certificate for the role service
description:
  - Converts a certificate to items of C(files) in the option C(service_description) of the role P(mikumo.openstack.service#role).
  - Only root and the members of a group can read the private key.
positional: _input, paths
options:
  _input:
    description: The certificate, as P(mikumo.openstack.certificate#filter) returns it. Without a certificate there are no files.
    type: dict
    required: true
  paths:
    description: Absolute paths of the files, by part of the certificate. The parts are C(certificate), C(private_key) and C(ca).
    type: dict
    required: true
  group:
    description: Group of the service that reads the files.
    type: str
    required: true
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Set the description of a service
  ansible.builtin.set_fact:
    service_description:
      name: mariadb
      packages: [mariadb-server]
      files: "{{ mariadb_certificate | mikumo.openstack.certificate_files(paths, group='mysql') }}"
  vars:
    paths:
      certificate: /etc/mysql/tls/certificate.pem
      private_key: /etc/mysql/tls/private_key.pem
  no_log: true
"""

RETURN = r"""
_value:
  description: The directories and files.
  type: list
  elements: dict
"""

import typing as t
from collections.abc import Mapping
from pathlib import PurePosixPath

from ansible.errors import AnsibleFilterError

MODES = {"certificate": "0644", "private_key": "0640", "ca": "0644"}


def certificate_files(certificate: t.Any, paths: Mapping[str, str], *, group: str) -> list[dict[str, t.Any]]:
    if not certificate:
        return []
    if not isinstance(certificate, Mapping) or not isinstance(paths, Mapping):
        raise AnsibleFilterError("certificate_files expects a certificate and its paths as dictionaries")
    unknown = sorted(set(paths) - set(MODES))
    missing = sorted(set(paths) - set(certificate))
    if unknown or missing:
        found = f"unknown parts ({', '.join(unknown)})" if unknown else f"paths for missing parts ({', '.join(missing)})"
        raise AnsibleFilterError(f"certificate_files: {found}; allowed are {', '.join(MODES)}")
    directories = dict.fromkeys(str(PurePosixPath(path).parent) for path in paths.values())
    return [
        *({"path": path, "state": "directory", "group": group, "mode": "0750"} for path in directories),
        *({"path": path, "content": certificate[part], "group": group, "mode": MODES[part]} for part, path in paths.items()),
    ]


class FilterModule:
    def filters(self) -> dict[str, t.Any]:
        return {"certificate_files": certificate_files}
