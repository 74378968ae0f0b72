# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Headless Chromium in front of Horizon: one page for all tests of a module, which are one visit."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import ssl
import subprocess
from collections.abc import Generator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import openstack
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Locator, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
CLOUDS = Path(os.environ.get("OS_CLIENT_CONFIG_FILE", ROOT / "clouds.yaml"))
INVENTORY = os.environ.get("INVENTORY", "inventories/lab/hosts.yml")
PICTURES = ROOT / ".cache/browser"
CHROMIUM = "/usr/bin/chromium"
# Chromium has no sandbox for root, and shall not look for its maker's hosts.
OPTIONS = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
# Milliseconds for one answer. On one core, Apache takes most of a minute to load Horizon for the first page.
PATIENCE = 180_000
# What may explain a failure, by the inventory's groups.
LOGS = {
    "controller_nodes": "grep -v -i warn /var/log/apache2/error.log | tail -n 40; "
    "journalctl --quiet --lines 30 -u nova-api -u nova-novncproxy -u haproxy",
    "compute_nodes": "journalctl --quiet --lines 30 -u nova-compute",
}


def trusted(host: str, authorities: str | None) -> list[str]:
    """Chromium's option to trust this host's key, which is known to be the right one: the site's authority has signed it.

    Chromium itself has the authorities of the machine, and the site's is not one of them.
    """
    if not authorities:
        return []
    context = ssl.create_default_context(cafile=authorities)
    with socket.create_connection((host, 443), timeout=60) as plain, context.wrap_socket(plain, server_hostname=host) as secure:
        certificate = x509.load_der_x509_certificate(secure.getpeercert(binary_form=True) or b"")
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digest = base64.b64encode(hashlib.sha256(key).digest()).decode()
    return [f"--ignore-certificate-errors-spki-list={digest}"]


class Horizon:
    """Horizon as a person uses it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.picture_number = 0

    def open(self, path: str) -> None:
        self.page.goto(self.url + path)

    def log_in(self, user: str, password: str) -> None:
        self.open("auth/login/")
        self.page.fill("#id_username", user)
        self.page.fill("#id_password", password)
        self.page.click("#loginBtn")

    def log_out(self) -> None:
        self.page.click(".user-menu .dropdown-toggle")
        self.page.click(".user-menu a[href*='/auth/logout']")

    def row(self, name: str) -> Locator:
        """The row of a table that has a link with this name."""
        return self.page.locator("tbody tr", has=self.page.get_by_role("link", name=name, exact=True))

    def picture(self, name: str) -> None:
        self.picture_number += 1
        self.page.screenshot(path=PICTURES / f"{self.picture_number:02}-{name}.png")


@pytest.fixture(scope="session")
def passwords() -> dict[str, str]:
    """By user."""
    clouds = yaml.safe_load(CLOUDS.read_text())["clouds"]
    return {cloud["auth"]["username"]: cloud["auth"]["password"] for cloud in clouds.values()}


@pytest.fixture(scope="session")
def cloud() -> Iterator[openstack.connection.Connection]:
    """The cloud as the user demo has it, past Horizon."""
    with openstack.connect(cloud="mikumo-demo", config_files=[str(CLOUDS)]) as connection:
        yield connection


@pytest.fixture(scope="module")
def horizon(cloud: openstack.connection.Connection) -> Iterator[Horizon]:
    """Horizon is on the host that has Keystone."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for old in PICTURES.glob("*.png"):
        old.unlink()
    host = urlsplit(cloud.config.auth["auth_url"]).hostname
    assert host
    with sync_playwright() as playwright:
        options = [*OPTIONS, *trusted(host, cloud.config.config.get("cacert"))]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        yield Horizon(page, f"https://{host}/horizon/")
        browser.close()


def logs() -> str:
    """Ends of the logs on the nodes."""
    ansible = ROOT / ".venv/bin/ansible"
    commands = [
        [str(ansible), group, "-i", INVENTORY, "-m", "ansible.builtin.shell", "-a", command] for group, command in LOGS.items()
    ]
    return "\n".join(
        subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout
        for command in commands
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Function) -> Generator[None]:
    """A failure comes with the page as it was, and with what the nodes say."""
    try:
        return (yield)
    except Exception as failure:
        visit = item.funcargs.get("horizon")
        if isinstance(visit, Horizon):
            visit.picture(f"failed-{item.name}")
            failure.add_note(f"The page was {visit.page.url}, its picture is the last one in {PICTURES}.")
        failure.add_note(logs())
        raise
