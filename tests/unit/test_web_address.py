# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.mikumo.openstack.plugins.module_utils._web_address import problem, public, secrets


@pytest.mark.parametrize(
    ("url", "shown", "masked"),
    [
        ("https://h/a/disk.img", "https://h/a/disk.img", set()),
        ("https://h:8443/disk.img?version=13&arch=amd64", "https://h:8443/disk.img?version=13&arch=amd64", set()),
        ("https://user:pass%40word@h/disk.img", "https://h/disk.img", {"user", "pass%40word", "pass@word"}),
        ("https://ghp_token@h/disk.img", "https://h/disk.img", {"ghp_token"}),
        ("https://h/disk.img?token=abcdef", "https://h/disk.img", {"abcdef"}),
        ("https://h/disk.img?token=abc%2Fdef&version=1", "https://h/disk.img?version=1", {"abc%2Fdef", "abc/def"}),
        ("https://h/d?X-Amz-Signature=0123&X-Amz-Credential=KEYS", "https://h/d", {"0123", "KEYS"}),
        ("https://h/d?sv=2024-01&sig=abcd%3D", "https://h/d", {"2024-01", "abcd%3D", "abcd="}),
        ("https://h/d?justatoken", "https://h/d", {"justatoken"}),
        ("https://h/d;jsessionid=1234#fragment", "https://h/d", {"jsessionid=1234", "fragment"}),
        ("https://u:p@h/d?t=1", "https://h/d", set()),
        ("https://u:password@[::1]:80/d", "https://[::1]:80/d", {"password"}),
        ("https://[half", "***", {"https://[half"}),
        ("user:password@h/d", "***", {"user:password@h/d"}),
        ("['https://u:password@h/d']", "***", {"['https://u:password@h/d']", "password"}),
    ],
)
def test_what_may_be_shown_and_what_is_masked(url, shown, masked):
    assert public(url) == shown
    assert public(shown) == shown
    assert secrets(url) == masked


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://h/disk.img", ""),
        ("http://[::1]:8080/disk.img", ""),
        ("HTTP://h/", ""),
        ("ftp://h/disk.img", "begins with ftp:"),
        ("s3://bucket/disk.img", "begins with s3:"),
        ("file:///srv/disk.img", "names a local file. Give its path in file"),
        ("/srv/disk.img", "has no scheme"),
        ("h/disk.img", "has no scheme"),
        ("https:///disk.img", "names no host"),
        ("https://:80/disk.img", "names no host"),
        ("https://h:0/disk.img", "names port 0"),
        ("https://h:99999/disk.img", "is not a valid URL"),
        ("https://h:port/disk.img", "is not a valid URL"),
        ("https://[half", "is not a valid URL"),
        ("https://h/a disk.img", "contains a space"),
        ("https://h/disk.img\n", "contains a space"),
    ],
)
def test_what_is_no_address_of_a_download(url, words):
    found = problem(url)
    assert (words in found) if words else found == ""
