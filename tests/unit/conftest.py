# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _found() -> bool:
    try:
        spec = importlib.util.find_spec("ansible_collections.mikumo.openstack.plugins")
    except ModuleNotFoundError:
        return False
    if spec is None or not spec.submodule_search_locations:
        return False
    return (ROOT / "plugins").resolve() in {Path(path).resolve() for path in spec.submodule_search_locations}


def _make_importable() -> None:
    """The plugins import each other by the collection's full name, which a mere checkout does not have."""
    if _found():
        return
    base = Path(tempfile.mkdtemp(prefix="collections-"))
    place = base / "ansible_collections" / "mikumo"
    place.mkdir(parents=True)
    (place / "openstack").symlink_to(ROOT)
    sys.path.insert(0, str(base))
    for name in [name for name in sys.modules if name.split(".")[0] == "ansible_collections"]:
        del sys.modules[name]
    importlib.invalidate_caches()


_make_importable()
