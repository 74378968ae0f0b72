# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that a module starts on its node.

AnsibleModule.run_command is not used: it stops reading when a command has said nothing for a second and has ended since then.
On a node under load, what the command printed last is lost, and the command seems to have found nothing.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence

__all__ = ["ENGLISH", "NOT_FOUND", "UMASK", "run", "started"]

# SSH and sudo hand the locale of the control machine over, which the node may not even have. What commands print is parsed.
ENGLISH = {"LC_ALL": "C.UTF-8", "LANGUAGE": "C"}
# root's profile or pam_umask may set 077. Then a service could not read what a command of its package has made.
UMASK = 0o022
# The exit status that a shell has for it.
NOT_FOUND = 127
# The path of a user, which su keeps for root, may lack them.
ROOTS_PATH = "/usr/local/sbin:/usr/sbin:/sbin"


def started(
    command: Sequence[str], environment: Mapping[str, str] | None = None, timeout: float | None = None
) -> subprocess.CompletedProcess[str]:
    """The command when it has ended, whatever locale and umask the session has that Ansible opened."""
    path = f"{os.environ.get('PATH', os.defpath)}:{ROOTS_PATH}"
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        timeout=timeout,
        env={**os.environ, "PATH": path, **ENGLISH, **(environment or {})},
        umask=UMASK,
    )


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Exit status, output and errors. A program that is missing is one that ended with NOT_FOUND."""
    try:
        done = started(command, environment)
    except OSError as error:
        return NOT_FOUND, "", f"{command[0]}: {error.strerror}"
    return done.returncode, done.stdout, done.stderr
