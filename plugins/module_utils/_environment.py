# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What commands must not take from the session that Ansible opened on the node."""

from __future__ import annotations

__all__ = ["ENGLISH", "UMASK"]

# SSH and sudo hand the locale of the control machine over, which the node may not even have.
ENGLISH = {"LC_ALL": "C.UTF-8", "LANGUAGE": "C"}
# root's profile or pam_umask may set 077. Then a service could not read what a command of its package has made.
UMASK = 0o022
