# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: apt_problem
version_added: 0.1.0
short_description: Explain in one message why apt could not install packages
description:
  - Combines an installation error with the failing package sources and the held packages.
positional: _input
options:
  _input:
    description: Error message of M(ansible.builtin.apt).
    type: str
    required: true
  errors:
    description: Standard error of C(apt-get update), in English.
    type: str
    default: ""
  held:
    description: Held packages, from C(apt-mark showhold).
    type: list
    elements: str
    default: []
  check_mode:
    description: Whether the run is in check mode, which does not update the package lists.
    type: bool
    default: false
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Explain the failure
  ansible.builtin.fail:
    msg: "{{ installation.msg | mikumo.openstack.apt_problem(errors=update.stderr) }}"
"""

RETURN = r"""
_value:
  description: The message.
  type: str
"""

import typing as t
from collections.abc import Sequence

from ansible_collections.mikumo.openstack.plugins.plugin_utils._apt import apt_problem as _apt_problem


def apt_problem(failure: t.Any, errors: str = "", held: Sequence[str] = (), check_mode: bool = False) -> str:
    return _apt_problem(str(failure), errors, held, check_mode)


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, t.Any]:
        return {"apt_problem": apt_problem}
