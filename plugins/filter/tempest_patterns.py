# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: tempest_patterns
version_added: 0.1.0
short_description: Build regular expressions that select Tempest tests by name
description:
  - Returns one regular expression for each test class. It matches the given tests of the class, whatever attributes follow
    their names. It does not match tests whose names merely start with one of the given names.
positional: _input
options:
  _input:
    description: Test names, by the full name of their class.
    type: dict
    required: true
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Select one test
  ansible.builtin.debug:
    msg: "{{ {'tempest.api.identity.v3.test_tokens.TokensV3Test': ['test_create_token']} | mikumo.openstack.tempest_patterns }}"
"""

RETURN = r"""
_value:
  description: The regular expressions.
  type: list
  elements: str
"""

import re
import typing as t
from collections.abc import Callable, Mapping, Sequence


def tempest_patterns(tests: Mapping[str, Sequence[str]]) -> list[str]:
    return [rf"^{re.escape(name)}\.({'|'.join(map(re.escape, members))})\[" for name, members in tests.items()]


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"tempest_patterns": tempest_patterns}
