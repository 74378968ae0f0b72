# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that a module starts on its node.

Do not use AnsibleModule.run_command: it stops reading if a command prints nothing for a second and then exits. On a node under
load, the command's last output is lost, and the command seems to have found nothing.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence

__all__ = ["ENGLISH", "NOT_FOUND", "UMASK", "last_lines", "run", "started"]

# SSH and sudo pass on the control node's locale, which the node may not even have. Modules parse the output of commands.
ENGLISH = {"LC_ALL": "C.UTF-8", "LANGUAGE": "C"}
# root's profile or pam_umask may set 077. A service could then not read files that its package's commands created.
UMASK = 0o022
# A shell's exit status for a missing command.
NOT_FOUND = 127
# A user's PATH, which su keeps for root, may lack these directories.
ROOTS_PATH = "/usr/local/sbin:/usr/sbin:/sbin"


def started(
    command: Sequence[str], environment: Mapping[str, str] | None = None, timeout: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command and wait for it, regardless of the locale and umask of Ansible's session."""
    path = f"{os.environ.get('PATH', os.defpath)}:{ROOTS_PATH}"
    # AnsibleModule.run_command loses output: it stops reading a command that has ended and was silent for a second.
    return subprocess.run(  # pylint: disable=ansible-bad-function
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
    """Return exit status, output and errors. A missing program counts as exit status NOT_FOUND."""
    try:
        done = started(command, environment)
    except OSError as error:
        return NOT_FOUND, "", f"{command[0]}: {error.strerror}"
    return done.returncode, done.stdout, done.stderr


def last_lines(output: str, count: int = 20) -> str:
    """Return the end of a command's output, for a message."""
    return "\n".join(output.strip().splitlines()[-count:])
