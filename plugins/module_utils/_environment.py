# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules' commands must not take from the session that Ansible opened on the node."""

from __future__ import annotations

import os
from typing import Any

__all__ = ["ENGLISH", "UMASK", "commands_of"]

# SSH and sudo hand the locale of the control machine over, which the node may not even have.
ENGLISH = {"LC_ALL": "C.UTF-8", "LANGUAGE": "C"}
# root's profile or pam_umask may set 077. Then a service could not read what a command of its package has made.
UMASK = 0o022


def commands_of(module: Any) -> None:
    """Lets run_command of an AnsibleModule, and everything it starts, use these."""
    module.run_command_environ_update = dict(ENGLISH)
    os.umask(UMASK)
