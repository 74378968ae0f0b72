# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The driver for MariaDB that OpenStack's services use."""

from __future__ import annotations

import sys
import typing as t
from importlib import import_module


class DriverError(Exception):
    """The driver is not installed, as on a node before its packages."""


def driver() -> t.Any:
    """pymysql, or a DriverError."""
    # For logins that MariaDB's accounts do not use, and nearly half of what it takes to load the driver.
    for name in ("cryptography", "nacl"):
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    try:
        return import_module("pymysql")
    except ImportError as error:
        raise DriverError("Python has no module pymysql; install the package python3-pymysql") from error
