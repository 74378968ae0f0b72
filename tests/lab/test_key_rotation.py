# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keystone's keys are rotated while clients use the cloud: no token is refused, and stored credentials stay readable.

Part of `make test-full`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import openstack
import pytest
import requests

from .conftest import ROOT, Make, OnNode, site_secrets

pytestmark = pytest.mark.full

SETS = ("keystone_fernet_keys", "keystone_credential_keys")
PAUSE = 0.2


def connect() -> openstack.connection.Connection:
    return openstack.connect(cloud="mikumo", config_files=[str(ROOT / "clouds.yaml")])


class Clients:
    """Ask Keystone with tokens from before and with new ones, until they are told to stop.

    Keystone caches what it knows of a token. So each request has a token that Keystone has not seen since it issued it.
    """

    def __init__(self, old_tokens: int = 100) -> None:
        connection = connect()
        self.url = (
            f"{connection.session.get_endpoint(service_type='identity', interface='public').removesuffix('/v3')}/v3/auth/tokens"
        )
        self.verify = connection.session.verify
        self.old = [self.new_token() for _ in range(old_tokens)]
        self.fresh: list[str] = []
        self.failures: list[str] = []
        self.asked = {"old": 0, "new": 0}
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._loop, args=(kind,), daemon=True) for kind in self.asked]

    @staticmethod
    def new_token() -> str:
        token: str = connect().auth_token
        return token

    def use(self, token: str) -> int:
        headers = {"X-Auth-Token": token, "X-Subject-Token": token}
        return requests.get(self.url, headers=headers, verify=self.verify, timeout=30).status_code

    def _once(self, kind: str) -> None:
        if kind == "new":
            token = self.new_token()
            self.fresh.append(token)
        else:
            token = self.old[self.asked[kind] % len(self.old)]
        status = self.use(token)
        self.asked[kind] += 1
        if status != 200:
            self.failures.append(f"{kind} token: {status}")

    def _loop(self, kind: str) -> None:
        while not self.stop.wait(PAUSE):
            try:
                self._once(kind)
            except Exception as error:
                self.failures.append(f"{kind} token: {type(error).__name__}: {error}")

    def __enter__(self) -> Clients:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(60)


@pytest.fixture(scope="module")
def credential(make: Make) -> Iterator[Callable[[], str]]:
    """What is stored, encrypted, in Keystone's database."""
    make("site")
    connection = connect()
    made = connection.identity.create_credential(user_id=connection.current_user_id, type="rotation", blob="what is stored")
    yield lambda: str(connect().identity.get_credential(made.id).blob)
    connect().identity.delete_credential(made.id)


def numbers(text: str) -> dict[str, str]:
    return {key: number for number, key in (line.split(": ") for line in text.splitlines())}


def test_no_token_is_refused(credential: Callable[[], str], make: Make) -> None:
    before = site_secrets()
    with Clients() as clients:
        time.sleep(3)
        output = make("rotate-keys", "--diff -e rotate_keys_early=true")
        time.sleep(3)
    print(clients.asked)
    assert clients.failures == []
    assert min(clients.asked.values()) > 10
    # With the keys as they are at the end. Most of these tokens were made with the previous key.
    assert [status for status in map(clients.use, [*clients.old, *clients.fresh]) if status != 200] == []
    after = site_secrets()
    for name in SETS:
        staged = before[name].splitlines()[0].split(": ")[1]
        assert numbers(after[name])[staged] == max(numbers(after[name]).values(), key=int)
        assert not [key for text in (before[name], after[name]) for key in numbers(text) if key in output]
    assert credential() == "what is stored"


@pytest.mark.parametrize("name", SETS)
def test_the_controller_has_the_keys_of_the_secrets_alone(name: str, on_node: OnNode) -> None:
    directory = f"/etc/keystone/{name.removeprefix('keystone_').replace('_', '-')}"
    found = on_node("controller", f"cd {directory} && for key in *; do echo \"$key: $(cat $key)\"; done; stat -c '%U %a' . *")
    *keys, top = found.splitlines()[: len(numbers(site_secrets()[name])) + 1]
    assert sorted(keys) == sorted(site_secrets()[name].splitlines())
    assert top == "keystone 700"
    assert set(found.splitlines()[len(keys) + 1 :]) == {"keystone 600"}


def test_a_run_has_nothing_to_do(make: Make, changed: Callable[[str], dict[str, int]]) -> None:
    assert changed(make("site", "--diff")) == {}


def test_a_rotation_that_comes_too_early_is_refused(make: Make, credential: Callable[[], str]) -> None:
    # The third one in a row would drop a key in any case.
    make("rotate-keys", "-e rotate_keys_early=true")
    before = site_secrets()
    output = make("rotate-keys", check=False)
    assert "This rotation would drop a key that tokens may still need" in output
    assert site_secrets() == before
    # The stored credential has been encrypted again before its key was dropped.
    assert credential() == "what is stored"
