# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: security_report
version_added: 0.1.0
short_description: Summarize the security checks of all nodes
description:
  - Turns the results of M(mikumo.openstack.security_check_info) into a table and a JUnit file.
  - Adds the items of the guide that concern none of the nodes, as V(not applicable).
positional: _input
options:
  _input:
    description: The C(results) of each node by its name. Nothing if the node could not be checked, which counts as a failure.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the table
  ansible.builtin.debug:
    msg: "{{ ({'controller': checked.results} | mikumo.openstack.security_report).lines }}"
"""

RETURN = r"""
_value:
  description:
    - The table as C(lines), those of the items that C(failed), a C(summary) in one line, and the content of a C(junit) file.
  type: dict
"""

import typing as t
from collections.abc import Callable, Mapping, Sequence

from ansible_collections.mikumo.openstack.plugins.plugin_utils._lazy import lazily

_security_report = lazily("_security_report")


def security_report(results: Mapping[str, Sequence[Mapping[str, str]] | None]) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", _security_report.report(results))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"security_report": security_report}
