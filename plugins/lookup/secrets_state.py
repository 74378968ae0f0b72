# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: secrets_state
version_added: 0.1.0
short_description: Find out which secrets of the site are present, missing or invalid
description:
  - Reads the variable C(cloud_secrets) from the inventory before Ansible templates it. The lookup therefore reports a password
    with braces at the beginning of a run. Ansible would mistake it for a template, and would fail at some later point.
  - A secret may be a reference to another variable, encrypted with C(!vault) or marked with C(!unsafe).
  - Warns of a certificate authority (C(tls_ca)) that expires within 90 days.
  - Returns only names. No message shows a value or a part of one.
options:
  _terms:
    description: Names of the secrets that the site needs. Defaults to all secrets that a site can have.
    type: list
    elements: str
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Check that every secret is valid
  ansible.builtin.assert:
    that: state.problems | length == 0
    fail_msg: "{{ state.problems | join(', ') }}"
  vars:
    state: "{{ lookup('mikumo.openstack.secrets_state', 'nova_database', 'nova_keystone') }}"
"""

RETURN = r"""
_raw:
  description:
    - A dictionary of four lists.
    - C(given) has the names with a value, C(missing) the names without one, in the order of O(_terms), and C(problems) a
      sentence about each invalid value or name. C(asked) has those of C(missing) that no run adds to an existing site without
      consent.
  type: list
  elements: dict
"""

import re
import typing as t
from collections.abc import Mapping, Sequence

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible.template import is_trusted_as_template
from ansible.utils.display import Display

from ansible_collections.mikumo.openstack.plugins.module_utils._secrets_file import UNASKED
from ansible_collections.mikumo.openstack.plugins.plugin_utils._secrets import (
    SECRETS,
    missing_secrets,
    problem,
    unknown_secrets,
    warnings,
)

MARKS = re.compile(r"\{\{|\{%|\{#")
REFERENCE = re.compile(r"\s*\{\{\s*([A-Za-z_]\w*)\s*\}\}\s*")
EXPRESSION = re.compile(r"\s*\{\{(?:(?!\}\}).)*\}\}\s*", re.DOTALL)
BRACES = (
    "{name} has "
    "{{{{, {{% or {{#, which begin a template in Ansible: write {name}: !unsafe '...' in the secrets file to keep the password "
    "unchanged"
)
REFERS = (
    "{name} is a template that cannot be evaluated: define the variables in it. If it is a password with braces, write "
    "{name}: !unsafe '...'"
)


class LookupModule(LookupBase):
    def run(self, terms: Sequence[str], variables: t.Any = None, **kwargs: t.Any) -> list[dict[str, t.Any]]:
        names = [str(term) for one in terms for term in ([one] if isinstance(one, str) else one)] or list(SECRETS)
        raw = self._followed((variables or {}).get("cloud_secrets"), variables or {})
        if raw is None or raw == "":
            raw = {}
        if not isinstance(raw, Mapping):
            told = f"cloud_secrets is not a dictionary of names and values, such as {names[0] if names else 'demo'}: 'password'"
            return [{"given": [], "missing": [], "asked": [], "problems": [told]}]
        values: dict[str, t.Any] = {}
        problems: list[str] = []
        for name, value in raw.items():
            try:
                values[name] = self._value(value)
                wrong = problem(str(name), values[name])
                for sentence in warnings(str(name), values[name]):
                    Display().warning(f"{sentence}.")
            except AnsibleError:
                # Ansible's own message would show the template, including the password.
                values[name] = value
                wrong = (
                    f"{name} cannot be decrypted: check the vault password and the encrypted value"
                    if not is_trusted_as_template(value)
                    else REFERS.format(name=name)
                    if EXPRESSION.fullmatch(value)
                    else BRACES.format(name=name)
                )
            if wrong:
                problems.append(wrong)
        problems += unknown_secrets(values, names)
        missing = missing_secrets(values, names)
        given = [name for name in names if name not in missing]
        asked = [name for name in missing if name not in UNASKED]
        return [{"given": given, "missing": missing, "asked": asked, "problems": problems}]

    def _followed(self, raw: t.Any, variables: Mapping[str, t.Any]) -> t.Any:
        """Follow references: cloud_secrets may be a reference to another variable. Its values are then checked one by one."""
        for _depth in range(8):
            match = REFERENCE.fullmatch(raw) if isinstance(raw, str) and is_trusted_as_template(raw) else None
            if not match or match[1] not in variables:
                break
            raw = variables[match[1]]
        if isinstance(raw, str) and MARKS.search(raw) and is_trusted_as_template(raw):
            try:
                return self._templar.template(raw)
            except AnsibleError:
                return raw
        return raw

    def _value(self, value: t.Any) -> t.Any:
        if isinstance(value, str) and MARKS.search(value) and is_trusted_as_template(value):
            if not EXPRESSION.fullmatch(value):
                raise AnsibleError("part of a template")
            return self._templar.template(value)
        # Reading an individually encrypted value decrypts it.
        return str(value) if type(value).__name__ == "EncryptedString" else value
