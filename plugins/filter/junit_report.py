# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: junit_report
version_added: 0.1.0
short_description: Summarize a test run from a JUnit file
description:
  - Counts the passed, failed and skipped tests. Lists them with their duration in seconds, and failed and skipped tests with
    the reason.
  - Failed tests come first. Within each kind, the slowest come first.
positional: _input
options:
  _input:
    description: Content of the JUnit file.
    type: str
    required: true
  excluded:
    description: Excluded tests to list as well, each with the keys V(test) and V(reason).
    type: list
    elements: dict
    default: []
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Show the summary of the test run
  ansible.builtin.debug:
    msg: "{{ (lookup('ansible.builtin.file', 'results.xml') | mikumo.openstack.junit_report).summary }}"
"""

RETURN = r"""
_value:
  description: The numbers C(passed), C(failed), C(skipped) and C(seconds), a C(summary) in one line, and the table as C(lines).
  type: dict
"""

import typing as t
from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.mikumo.openstack.plugins.plugin_utils._junit import JUnitError, parse, report


def junit_report(text: str, excluded: t.Any = ()) -> dict[str, t.Any]:
    try:
        return report(parse(text), {one["test"]: one["reason"] for one in excluded})
    except JUnitError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"junit_report": junit_report}
