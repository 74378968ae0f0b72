# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that are imported when somebody uses them.

To find one filter of a collection, Ansible imports the files of all filters before it in the alphabet, in each of its worker
processes. What such a file imports costs every task and host, whoever needs it.
"""

from __future__ import annotations

import typing as t
from importlib import import_module

__all__ = ["lazily"]


class _Lazy:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> t.Any:
        return getattr(import_module(self._name), attribute)


def lazily(name: str) -> t.Any:
    """Return something with the attributes of this module of plugin_utils."""
    return _Lazy(f"{__name__.rpartition('.')[0]}.{name}")
