# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared code of the modules that use a cloud's APIs: their options, and how they exit.

plugins/doc_fragments/access.py describes the options.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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
    "region_name": {"type": "str"},
    "interface": {"type": "str", "choices": ["public", "internal", "admin"], "default": "internal"},
    "ca_cert": {"type": "path"},
    "timeout": {"type": "int", "default": 60},
    "api_timeout": {"type": "int", "default": 60},
}
# Errors that are normal on an empty host, which has neither the libraries nor the services yet.
NOT_YET = frozenset({"unreachable", "library", "catalog", "tls"})


def empty_host(module: AnsibleModule, error: CloudError, prediction: str) -> None:
    """Continue check mode with a warning if the cloud does not exist yet. Otherwise raise the error."""
    if not module.check_mode or error.kind not in NOT_YET:
        raise error
    module.warn(f"{error} Check mode {prediction}.")


class Module(AnsibleModule):  # type: ignore[misc]
    """Masks arguments that are only partly secret, such as a URL with a password."""

    secrets: Callable[[Mapping[str, Any]], Iterable[str]] = staticmethod(lambda _params: ())

    def _log_invocation(self) -> None:
        # This writes the arguments to the journal, earlier than any other output.
        self.no_log_values.update(type(self).secrets(self.params))
        super()._log_invocation()

    def fail_json(self, msg: str, **result: Any) -> None:
        # Ansible rejects invalid arguments before _log_invocation, and returns them unmasked.
        self.no_log_values.update(type(self).secrets(self.params))
        super().fail_json(msg, **result)


def run_module(
    arguments: Mapping[str, Any],
    run: Callable[[AnsibleModule], dict[str, Any]],
    secrets: Callable[[Mapping[str, Any]], Iterable[str]] | None = None,
) -> None:
    """Call run, and exit with its result or with the message of its CloudError.

    secrets returns the parts of the arguments to mask wherever they occur.
    """
    if secrets is not None:
        Module.secrets = staticmethod(secrets)
    module = Module(
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
