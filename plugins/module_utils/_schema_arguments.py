# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options for a schema, shared by several modules. plugins/modules/database_schema.py documents them."""

from __future__ import annotations

import typing as t

ARGUMENTS: dict[str, t.Any] = {
    "name": {"type": "str", "required": True},
    "migrations": {"type": "list", "elements": "path", "required": True},
    "command": {"type": "list", "elements": "str", "required": True},
    "user": {"type": "str"},
    "environment": {"type": "dict", "default": {}},
    "config_file": {"type": "path"},
    "section": {"type": "str", "default": "database"},
    "option": {"type": "str", "default": "connection"},
    "connection": {"type": "str", "no_log": True},
    "databases": {"type": "list", "elements": "str", "default": []},
    "version_table": {"type": "str", "default": "alembic_version"},
    "timeout": {"type": "int", "default": 1800},
    "inserted_rows": {"type": "dict", "default": {}},
    "recreate": {"type": "bool", "default": False},
    "secrets": {"type": "list", "elements": "str", "default": [], "no_log": True},
}
EXCLUSIVE = [("config_file", "connection")]
