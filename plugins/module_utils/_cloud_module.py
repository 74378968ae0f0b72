# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules that talk to a cloud's APIs have in common: their options, and how they end.

The options are described in plugins/doc_fragments/access.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mikumo.openstack.plugins.module_utils._openstack import CloudError

REQUIRED: dict[str, Any] = {"type": "str", "required": True}
ACCESS: dict[str, Any] = {
    "auth": {
        "type": "dict",
        "options": {
            "auth_url": REQUIRED,
            "username": REQUIRED,
            "password": {**REQUIRED, "no_log": True},
            "project_name": {"type": "str", "default": "admin"},
            "user_domain_name": {"type": "str", "default": "Default"},
            "project_domain_name": {"type": "str", "default": "Default"},
        },
    },
    "cloud": {"type": "str"},
    "region": {"type": "str"},
    "interface": {"type": "str", "choices": ["public", "internal", "admin"], "default": "internal"},
    "ca_cert": {"type": "path"},
    "wait": {"type": "int", "default": 60},
    "timeout": {"type": "int", "default": 60},
}
# An empty host has neither the libraries nor the services yet.
NOT_YET = frozenset({"unreachable", "library", "catalogue"})


def empty_host(module: AnsibleModule, error: CloudError, prediction: str) -> None:
    """Check mode goes on where the cloud is not there yet, and says what it takes for granted. Else raises the error."""
    if not module.check_mode or error.kind not in NOT_YET:
        raise error
    module.warn(f"{error} Check mode {prediction}.")


def run_module(arguments: Mapping[str, Any], run: Callable[[AnsibleModule], dict[str, Any]]) -> None:
    """Calls run, and ends with the result that it returns or with the message of its CloudError."""
    module = AnsibleModule(
        argument_spec={**ACCESS, **arguments},
        supports_check_mode=True,
        required_one_of=[("auth", "cloud")],
        mutually_exclusive=[("auth", "cloud")],
    )
    try:
        result = run(module)
    except CloudError as error:
        module.fail_json(msg=str(error))
    if not module._diff:
        result.pop("diff", None)
    module.exit_json(**result)
