# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the catalog calls Keystone's own command, and when it does not."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from ansible_collections.mikumo.openstack.plugins.module_utils._differences import Differences
from ansible_collections.mikumo.openstack.plugins.module_utils._openstack import CloudError
from ansible_collections.mikumo.openstack.plugins.modules import catalog

URLS = {"public_url": "http://p/v3", "internal_url": "http://i/v3", "admin_url": None}
ALL = {"public", "internal", "admin"}
OPTIONS: dict[str, Any] = {
    "auth": {"auth_url": "http://i", "username": "admin", "password": "pw", "project_name": "admin"},
    "cloud": None,
    "region_name": "R",
    "interface": "internal",
    "ca_cert": None,
    "timeout": 1,
    "api_timeout": 1,
    "bootstrap": URLS,
}


@pytest.fixture
def keystone(monkeypatch: pytest.MonkeyPatch) -> Any:
    class Keystone:
        error: CloudError | None = None
        interfaces_found = ALL
        bootstraps: ClassVar[list[tuple[Any, ...]]] = []
        problem = ""

    class Cloud:
        def __init__(self, _access: object) -> None:
            pass

        def identity(self) -> None:
            if Keystone.error:
                raise Keystone.error

        def interfaces(self, _service_type: str) -> set[str]:
            return Keystone.interfaces_found

    def bootstrap(*arguments: Any) -> str:
        Keystone.bootstraps.append(arguments)
        return Keystone.problem

    Keystone.bootstraps = []
    monkeypatch.setattr(catalog, "Cloud", Cloud)
    monkeypatch.setattr(catalog, "bootstrap", bootstrap)
    return Keystone


REFUSED = CloudError("no", "unauthorized")


@pytest.mark.parametrize(
    ("error", "interfaces", "reason"),
    [
        (None, ALL, ""),
        (REFUSED, ALL, "the administrator cannot log in"),
        (None, {"internal"}, "Keystone's public, admin endpoint is missing"),
        (None, set(), "Keystone's public, internal, admin endpoint is missing"),
    ],
)
@pytest.mark.parametrize("check", [False, True])
def test_what_needs_the_bootstrap(
    keystone: Any, error: CloudError | None, interfaces: set[str], reason: str, check: bool
) -> None:
    keystone.error, keystone.interfaces_found = error, interfaces
    differences = Differences()
    catalog.opened(OPTIONS, check, differences)
    assert differences.changes == ([f"bootstrap admin: because {reason}"] if reason else [])
    assert keystone.bootstraps == ([("admin", "pw", "admin", "R", URLS)] if reason and not check else [])
    assert "pw" not in str(differences.diff)


@pytest.mark.parametrize("kind", ["unreachable", "tls", "forbidden", "server"])
def test_other_troubles_are_no_reason(keystone: Any, kind: str) -> None:
    keystone.error = CloudError("trouble", kind)
    with pytest.raises(CloudError, match="trouble"):
        catalog.opened(OPTIONS, False, Differences())
    assert keystone.bootstraps == []


def test_without_the_option_nothing_is_repaired(keystone: Any) -> None:
    keystone.error = REFUSED
    catalog.opened(OPTIONS | {"bootstrap": None}, False, Differences())
    assert keystone.bootstraps == []


@pytest.mark.parametrize("lacking", [{"auth": None, "cloud": "c"}, {"region_name": None}])
def test_the_command_needs_an_account_and_a_region(keystone: Any, lacking: dict[str, Any]) -> None:
    with pytest.raises(CloudError, match="bootstrap needs auth and region_name"):
        catalog.opened(OPTIONS | lacking, False, Differences())


def test_a_command_that_fails(keystone: Any) -> None:
    keystone.error, keystone.problem = REFUSED, "`keystone-manage bootstrap` exited with status 1: why"
    with pytest.raises(CloudError, match="exited with status 1: why"):
        catalog.opened(OPTIONS, False, Differences())


class Module:
    """As much of a module as `run` uses."""

    def __init__(self, **changes: Any) -> None:
        nothing: dict[str, Any] = {key: [] for key in ("domains", "projects", "users", "services", "roles")}
        self.params = {**OPTIONS, **nothing, **changes}
        self.check_mode = True
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.mark.parametrize("kind", ["unreachable", "tls", "library"])
@pytest.mark.parametrize("urls", [URLS, None])
def test_check_mode_before_there_is_a_keystone(keystone: Any, kind: str, urls: dict[str, Any] | None) -> None:
    keystone.error = CloudError("nothing answers", kind)
    module = Module(bootstrap=urls)
    found = catalog.run(module)
    assert found["changes"] == (["bootstrap admin: because Keystone is not there yet"] if urls else [])
    assert found["changed"] is bool(urls)
    assert len(module.warnings) == 1
