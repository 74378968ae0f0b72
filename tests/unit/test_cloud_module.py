# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module as Ansible runs it: a program that reads its arguments and writes its result."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args

from ansible_collections.mikumo.openstack.plugins.modules import images

URL = "https://user:s3cret-pass@h/disk.img?token=s3cret-token%2F1&version=13"


@pytest.mark.parametrize("wrong", [{}, {"checksum": "md5:1"}, {"min_disk": "many"}, {"nonsense": 1}, {"url": [URL]}])
def test_secrets_of_a_url_are_masked_in_the_result_and_in_the_journal(
    wrong: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "log", lambda _self, message, **more: logged.append(f"{message} {more}"))
    auth = {"auth_url": "http://127.0.0.1:9/v3", "username": "a", "password": "p4ssword"}
    arguments = {"auth": auth, "images": [{"name": "tiny", "url": URL, **wrong}], "timeout": 1}
    with patch_module_args({**arguments, "_ansible_check_mode": True, "_ansible_diff": True}), pytest.raises(SystemExit):
        images.main()
    result = json.loads(capsys.readouterr().out)
    assert result.get("failed", False) is bool(wrong)
    if not wrong:
        assert result["changes"] == ["image tiny: uploaded from https://h/disk.img?version=13"]
    assert [text for text in (json.dumps(result), *logged) if "s3cret" in text or "p4ssword" in text] == []
