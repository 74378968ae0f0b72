# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One visit to Horizon, from the login to the keyboard of an instance. The order matters."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import openstack
import pytest
from playwright.sync_api import Locator, expect

if TYPE_CHECKING:
    from .conftest import Horizon

# What playbooks/resources.yml made.
FLAVOR, NETWORK, ROUTER, EXTERNAL = "m1.nano", "demo", "demo", "external"
IMAGE = os.environ.get("BROWSER_IMAGE", "mikumo-guest")
INSTANCE = "browser"
# Milliseconds until an emulated instance on a node with one core is active.
BOOT = 300_000
# The lines of a text screen are this many pixels high, and the cursor that blinks in one of them is smaller than one letter.
LINE = 16
LETTER = 9 * LINE

Cloud = openstack.connection.Connection


class Screen(NamedTuple):
    """A guest's screen: 1 for each pixel that has not the colour of most."""

    width: int
    height: int
    lit: str

    @property
    def text_lines(self) -> int:
        size = self.width * LINE
        return sum("1" in self.lit[start : start + size] for start in range(0, len(self.lit), size))

    def differs(self, other: Screen) -> bool:
        """By more than a blinking cursor."""
        return self[:2] != other[:2] or sum(map(str.__ne__, self.lit, other.lit)) > LETTER


def screen(canvas: Locator) -> Screen:
    """What noVNC has painted."""
    width, height, colours = canvas.evaluate(
        """canvas => {
            const image = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            return [canvas.width, canvas.height, Array.from(new Uint32Array(image.data.buffer))];
        }"""
    )
    background = Counter(colours).most_common(1)[0][0]
    return Screen(width, height, "".join("0" if colour == background else "1" for colour in colours))


def remove(cloud: Cloud) -> None:
    for server in cloud.compute.servers(name=f"^{INSTANCE}$"):
        cloud.compute.delete_server(server)
        cloud.compute.wait_for_delete(server, wait=300)


@pytest.fixture(scope="module")
def instance(cloud: Cloud) -> Iterator[str]:
    """The name of an instance that is not there before the tests, and not after them, however they end."""
    remove(cloud)
    yield INSTANCE
    remove(cloud)


def test_wrong_password_is_refused(horizon: Horizon) -> None:
    horizon.log_in("admin", "wrong")
    expect(horizon.page.get_by_text("Invalid credentials")).to_be_visible()
    expect(horizon.page).to_have_url(re.compile("/auth/login/"))
    horizon.picture("wrong-password")


def test_administrator_sees_the_hypervisors(horizon: Horizon, passwords: dict[str, str]) -> None:
    horizon.log_in("admin", passwords["admin"])
    expect(horizon.page.locator(".user-name")).to_have_text("admin")
    horizon.open("admin/hypervisors/")
    expect(horizon.page.locator("table#hypervisors tbody tr").first).to_contain_text("QEMU")
    horizon.picture("hypervisors")
    horizon.log_out()
    expect(horizon.page.locator("#loginBtn")).to_be_visible()


def test_user_sees_the_topology(horizon: Horizon, passwords: dict[str, str]) -> None:
    page = horizon.page
    horizon.log_in("demo", passwords["demo"])
    expect(page.locator(".user-name")).to_have_text("demo")
    horizon.open("project/network_topology/")
    bars = page.locator("#topology_canvas .network-name")
    for name in (NETWORK, EXTERNAL):
        expect(bars.get_by_text(name, exact=True)).to_be_visible()
    horizon.picture("topology")
    page.click("a[data-target='#topology_tabs__graph']")
    page.click("#toggle_labels_label")
    names = page.locator("#topologyCanvasContainer .nodeLabel")
    expect(names.get_by_text(EXTERNAL, exact=True)).to_be_visible()
    # The network and its router have one name.
    assert names.all_text_contents().count(NETWORK) + names.all_text_contents().count(ROUTER) >= 2
    horizon.picture("graph")


def allocate(step: Locator, name: str) -> None:
    """Moves a row of a step's lower table up, if Horizon has not chosen it already."""
    cell = step.get_by_role("cell", name=name, exact=True)
    cell.first.wait_for()
    chosen = step.locator(".transfer-allocated").get_by_role("cell", name=name, exact=True)
    if chosen.count() == 0:
        offered = step.page.locator("tr", has=step.page.get_by_role("cell", name=name, exact=True))
        step.locator(".transfer-available").locator(offered).locator("td.actions_column button").click()
    # The subnet of a network may have its name.
    expect(chosen.first).to_be_visible()


def test_instance_is_launched(horizon: Horizon, cloud: Cloud, instance: str) -> None:
    page = horizon.page
    horizon.open("project/instances/")
    page.click("#instances__action_launch-ng")
    wizard = page.locator(".ng-wizard")
    wizard.locator("#name").fill(instance)
    horizon.picture("wizard-details")

    def step(title: str) -> Locator:
        wizard.locator(".wizard-nav").get_by_role("link", name=title).click()
        return wizard.locator(".wizard-steps .step:visible")

    source = step("Source")
    allocate(source, IMAGE)
    source.locator("label.btn", has_text="No").first.click()
    expect(source.locator("#volume-size")).to_have_count(0)
    horizon.picture("wizard-source")
    allocate(step("Flavor"), FLAVOR)
    horizon.picture("wizard-flavor")
    allocate(step("Networks"), NETWORK)
    horizon.picture("wizard-networks")
    wizard.locator("button.finish").click()
    expect(wizard).to_be_hidden()

    # Horizon asks for the row again and again until the instance is what it will be.
    status = horizon.row(instance).locator("td", has_text=re.compile(r"^\s*(Active|Error)\s*$"))
    status.wait_for(timeout=BOOT)
    server = cloud.compute.find_server(instance, ignore_missing=False)
    assert status.inner_text().strip() == "Active", cloud.compute.get_server(server.id).fault
    horizon.picture("instance")


def test_console_shows_the_screen_and_takes_the_keyboard(horizon: Horizon, cloud: Cloud, instance: str) -> None:
    page = horizon.page
    page.get_by_role("link", name=instance, exact=True).click()
    page.click("a[data-target='#instance_details__console']")
    canvas = page.frame_locator("#console_embed").locator("canvas").first
    canvas.wait_for()

    server = cloud.compute.find_server(instance, ignore_missing=False)

    def wait_for_log(text: str) -> None:
        deadline = time.monotonic() + BOOT / 1000
        while text not in (log := cloud.compute.get_server_console_output(server)["output"]):
            assert time.monotonic() < deadline, f"{text!r} is not in the console log:\n{log[-2000:]}"
            page.wait_for_timeout(2000)

    wait_for_log("mikumo-guest: ready")
    before = screen(canvas)
    assert before.text_lines >= 12, "the screen does not show what the guest's kernel and shell say"
    horizon.picture("console")

    # What the guest's shell on this screen writes to the console log comes back through Nova.
    canvas.click()
    for keys in ("echo typed in a browser ", "Shift+Period", "/dev/tty", "Shift+KeyS", "0", "Enter"):
        # What is typed as text presses no Shift, and QEMU looks at keys.
        press = page.keyboard.press if keys[0].isupper() else page.keyboard.type
        press(keys, delay=50)
    wait_for_log("typed in a browser")
    assert screen(canvas).differs(before), "what was typed is not on the screen"
    horizon.picture("keyboard")


def test_instance_is_deleted(horizon: Horizon, instance: str) -> None:
    horizon.open("project/instances/")
    row = horizon.row(instance)
    row.locator(".dropdown-toggle").click()
    row.get_by_role("button", name="Delete Instance").click()
    horizon.page.click(".modal-footer .btn-danger")
    expect(row).to_have_count(0, timeout=BOOT)
    horizon.picture("deleted")


def test_user_logs_out(horizon: Horizon) -> None:
    horizon.log_out()
    expect(horizon.page.locator("#loginBtn")).to_be_visible()
    horizon.picture("logged-out")
    horizon.open("project/instances/")
    expect(horizon.page.locator("#loginBtn")).to_be_visible()
