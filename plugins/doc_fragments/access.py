# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said once of the options with which a module reaches a cloud. Their types are in module_utils/_cloud_module.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
notes:
  - The cloud's APIs are asked directly. A proxy that the environment names is used for downloads alone.
requirements:
  - openstacksdk (C(python3-openstacksdk) in Debian), of which only keystoneauth1 is needed unless O(cloud) is used
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
      - Who logs in to Keystone, and where. What is for everyone, such as the catalog and public images, needs the role
        C(admin).
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
        description: Project for which the token is valid.
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
    description: Region whose endpoints are meant. A service's first one in the catalog is used when this is not given.
    type: str
  interface:
    description:
      - Which of a service's URLs in the catalog is used. Keystone itself is always asked at O(auth.auth_url), so that
        a module works right after C(keystone-manage bootstrap), and where the URL in the catalog is wrong.
    type: str
    choices: [public, internal, admin]
    default: internal
  ca_cert:
    description: File of the certificates of the authorities that the services' TLS certificates may be signed by.
    type: path
  timeout:
    description:
      - For how many seconds to go on trying when a connection is refused or a service answers with an error of its own
        (5xx). A rejected password is never tried again. In check mode a refused connection is not waited for.
    type: int
    default: 60
  api_timeout:
    description: For how many seconds to wait for the answer to one request. An upload may take an hour.
    type: int
    default: 60
"""
