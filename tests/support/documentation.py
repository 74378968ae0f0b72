# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plugins of this collection say of themselves."""

from __future__ import annotations

import importlib
from typing import Any

import yaml

PACKAGE = "ansible_collections.mikumo.openstack.plugins"


def documentation_of(name: str) -> dict[str, Any]:
    """With what it takes over from fragments."""
    documentation: dict[str, Any] = yaml.safe_load(importlib.import_module(f"{PACKAGE}.modules.{name}").DOCUMENTATION)
    for fragment in documentation.get("extends_documentation_fragment", ()):
        shared = importlib.import_module(f"{PACKAGE}.doc_fragments.{fragment.rpartition('.')[2]}")
        taken_over = yaml.safe_load(shared.ModuleDocFragment.DOCUMENTATION)
        for part in ("options", "attributes"):
            documentation[part] = {**taken_over.get(part, {}), **documentation[part]}
    return documentation
