# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared documentation of the options for access to a cloud. Their types are in module_utils/_cloud_module.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
notes:
  - Modules call the cloud's APIs directly. They use a proxy from the environment only for downloads.
requirements:
  - openstacksdk (C(python3-openstacksdk) in Debian); keystoneauth1 is enough without O(cloud)
attributes:
  action_group:
    support: full
    description: Use C(group/mikumo.openstack.cloud) in C(module_defaults) to set defaults for all of its modules.
    membership: [mikumo.openstack.cloud]
  platform:
    support: full
    platforms: posix
    description: Target OS/families that can be operated against.
options:
  auth:
    description:
      - Keystone's URL and the credentials to log in with. Objects that all projects share, such as the catalog and public
        images, need the role C(admin).
      - Either this or O(cloud) is required.
    type: dict
    suboptions:
      auth_url:
        description: Keystone's URL, with or without C(/v3).
        type: str
        required: true
      username:
        description: Name of the user.
        type: str
        required: true
      password:
        description: Password of the user.
        type: str
        required: true
      project_name:
        description: Project to scope the token to.
        type: str
        default: admin
      user_domain_name:
        description: Domain of the user.
        type: str
        default: Default
      project_domain_name:
        description: Domain of the project.
        type: str
        default: Default
  cloud:
    description: Entry in C(clouds.yaml) to log in with.
    type: str
  region_name:
    description: Region of the endpoints. Defaults to each service's first endpoint in the catalog.
    type: str
  interface:
    description:
      - Interface of a service's endpoint in the catalog. Modules always reach Keystone itself at O(auth.auth_url). They
        therefore work right after C(keystone-manage bootstrap), and even if Keystone's URL in the catalog is wrong.
    type: str
    choices: [public, internal, admin]
    default: internal
  ca_cert:
    description: File with the CA certificates that the module trusts for the services' TLS certificates.
    type: path
  timeout:
    description:
      - Seconds to keep retrying if a connection is refused or a service answers with a server error (5xx). A module never
        retries a rejected password. In check mode it does not retry a refused connection.
    type: int
    default: 60
  api_timeout:
    description: Seconds to wait for the answer to one request. An upload may take an hour.
    type: int
    default: 60
"""
