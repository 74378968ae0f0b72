# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""openvswitch_bridges against an Open vSwitch of the test's own, without a kernel datapath. It runs wherever the programs are."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

SCHEMA = Path("/usr/share/openvswitch/vswitch.ovsschema")
MISSING = [name for name in ("ovsdb-server", "ovs-vswitchd", "ovsdb-tool", "ovs-vsctl", "ip") if not shutil.which(name)]
if not SCHEMA.exists():
    MISSING.append(str(SCHEMA))

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"install openvswitch-switch: there is no {', '.join(MISSING)}"),
    pytest.mark.skipif(os.geteuid() != 0, reason="interfaces are made by root"),
]
Result = dict[str, Any]
A, B, C = "mktest-a", "mktest-b", "mktest-c"


def run(*command: str, check: bool = True) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=check).stdout


def stop(pid_file: Path) -> None:
    if pid_file.exists():
        run("kill", pid_file.read_text().strip(), check=False)


@pytest.fixture(scope="module")
def interfaces() -> Iterator[None]:
    """Interfaces of this machine that lead nowhere."""
    try:
        for name in (A, B, C):
            run("ip", "tuntap", "add", "dev", name, "mode", "tap")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"this machine makes no interface: {error.stderr.strip()}")
    yield
    for name in (A, B, C):
        run("ip", "link", "delete", name, check=False)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, interfaces: None) -> Iterator[Path]:
    """A database and a daemon that has dummies in place of all interfaces."""
    place = tmp_path_factory.mktemp("ovs")
    database, options = place / "conf.db", ["--detach", "--no-chdir", "--log-file"]
    with pytest.MonkeyPatch.context() as environment:
        for name in ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR"):
            environment.setenv(name, str(place))
        run("ovsdb-tool", "create", str(database), str(SCHEMA))
        try:
            run("ovsdb-server", str(database), f"--remote=punix:{place}/db.sock", f"--pidfile={place}/ovsdb.pid", *options)
            run("ovs-vsctl", "--no-wait", "init")
            run("ovs-vswitchd", f"unix:{place}/db.sock", "--enable-dummy=override", f"--pidfile={place}/switch.pid", *options)
            yield place
        finally:
            stop(place / "switch.pid")
            stop(place / "ovsdb.pid")


@pytest.fixture
def switch(running: Path) -> Path:
    """Without a bridge, and with all interfaces down."""
    for name in run("ovs-vsctl", "list-br").split():
        run("ovs-vsctl", "del-br", name)
    for name in (A, B, C):
        run("ip", "link", "set", "dev", name, "down")
    return running


@pytest.fixture
def bridges(switch: Path, module: Callable[..., Result]) -> Callable[..., Result]:
    return lambda *wanted, **options: module("openvswitch_bridges", bridges=wanted, **options)


def converge(bridges: Callable[..., Result], *wanted: dict[str, str]) -> Result:
    """Predict, do, and do again. The prediction has to be what was done, and the second time has to be nothing."""
    state = run("ovsdb-client", "dump", "Port", "name", "external_ids")
    predicted = bridges(*wanted, check=True)
    assert run("ovsdb-client", "dump", "Port", "name", "external_ids") == state
    done = bridges(*wanted)
    assert not done.get("failed"), done.get("msg")
    assert (predicted["changed"], predicted["diff"]) == (done["changed"], done["diff"])
    again = bridges(*wanted)
    assert again["changed"] is False, again["diff"]
    assert again["diff"]["before"] == again["diff"]["after"] == done["diff"]["after"]
    return done


def ports(bridge: str) -> set[str]:
    return set(run("ovs-vsctl", "list-ports", bridge).split())


def mark(port: str) -> str:
    return run("ovs-vsctl", "--if-exists", "get", "Port", port, "external_ids:mikumo").strip()


def test_a_bridge_and_its_uplink(bridges: Callable[..., Result]) -> None:
    done = converge(bridges, {"name": "br-x", "interface": A}, {"name": "br-y"})
    assert done["missing"] == ["br-x", f"br-x {A}", "br-y"]
    assert done["brought_up"] == [A]
    assert done["diff"] == {"before": "", "after": f"br-x\nbr-x {A}\nbr-y\n"}
    assert (ports("br-x"), ports("br-y"), mark(A)) == ({A}, set(), "uplink")
    assert "UP" in json.loads(run("ip", "-json", "link", "show", A))[0]["flags"]


def test_another_interface_takes_the_place_of_the_old_one_and_nothing_else_goes(bridges: Callable[..., Result]) -> None:
    converge(bridges, {"name": "br-x", "interface": A})
    # what Neutron's agent, and somebody by hand, have in the same bridge
    for name in ("phy-br-x", "by-hand"):
        run("ovs-vsctl", "add-port", "br-x", name, "--", "set", "Interface", name, "type=internal")
    done = converge(bridges, {"name": "br-x", "interface": B})
    assert (done["missing"], done["removed"]) == ([f"br-x {B}"], [f"br-x {A}"])
    assert ports("br-x") == {B, "phy-br-x", "by-hand"}


def test_a_change_is_one_transaction(bridges: Callable[..., Result], switch: Path) -> None:
    """Between an old uplink that left and a new one that is not there yet a run may be killed."""
    converge(bridges, {"name": "br-x", "interface": A})
    before = run("ovsdb-tool", "show-log", str(switch / "conf.db")).count("\nrecord ")
    bridges({"name": "br-x", "interface": B})
    log = run("ovsdb-tool", "-m", "show-log", str(switch / "conf.db")).split("\nrecord ")[before + 1 :]
    assert len([record for record in log if "ovs-vsctl" in record]) == 1
    assert ports("br-x") == {B}


def test_interfaces_that_change_places(bridges: Callable[..., Result]) -> None:
    converge(bridges, {"name": "br-x", "interface": A}, {"name": "br-y", "interface": B})
    converge(bridges, {"name": "br-x", "interface": B}, {"name": "br-y", "interface": A})
    assert (ports("br-x"), ports("br-y")) == ({B}, {A})


@pytest.mark.parametrize(
    "wanted", [[], [{"name": "br-y", "interface": B}], [{"name": "br-x"}], [{"name": "br-x", "interface": ""}]]
)
def test_an_uplink_that_is_not_wanted_any_more_leaves_and_its_bridge_stays(
    bridges: Callable[..., Result], wanted: list[dict[str, str]]
) -> None:
    converge(bridges, {"name": "br-x", "interface": A})
    run("ovs-vsctl", "add-port", "br-x", "by-hand", "--", "set", "Interface", "by-hand", "type=internal")
    assert converge(bridges, *wanted)["removed"] == [f"br-x {A}"]
    assert ports("br-x") == {"by-hand"}


def test_a_port_from_before_the_mark_gets_it(bridges: Callable[..., Result]) -> None:
    run("ovs-vsctl", "add-br", "br-x", "--", "add-port", "br-x", A)
    done = converge(bridges, {"name": "br-x", "interface": A})
    assert (done["missing"], done["marked"], mark(A)) == ([], [f"br-x {A}"], "uplink")
    assert converge(bridges, {"name": "br-x", "interface": B})["removed"] == [f"br-x {A}"]


def test_a_port_put_there_by_hand_stays_and_a_possible_loop_is_told(bridges: Callable[..., Result]) -> None:
    run("ovs-vsctl", "add-br", "br-x", "--", "add-port", "br-x", C)
    done = bridges({"name": "br-x", "interface": A})
    assert ports("br-x") == {A, C}
    warnings = json.dumps(done["warnings"])
    assert [word for word in (A, C, "frames loop", f"ovs-vsctl del-port br-x {C}") if word not in warnings] == [], warnings
    assert "warnings" not in bridges({"name": "br-x", "interface": A})


def test_a_bond_made_by_hand_stays_as_it_is(bridges: Callable[..., Result]) -> None:
    run("ovs-vsctl", "add-br", "br-x", "--", "add-bond", "br-x", "bond-x", A, B)
    run("ip", "link", "set", "dev", A, "up")
    assert converge(bridges, {"name": "br-x", "interface": A})["changed"] is False
    assert (ports("br-x"), mark("bond-x")) == ({"bond-x"}, "")


def test_an_interface_that_is_down_is_brought_up(bridges: Callable[..., Result]) -> None:
    converge(bridges, {"name": "br-x", "interface": A})
    run("ip", "link", "set", "dev", A, "down")
    done = converge(bridges, {"name": "br-x", "interface": A})
    assert done["brought_up"] == [A]
    assert "(down)" in done["diff"]["before"]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ([("br-x", A), ("br-y", A)], [A, "two bridges", "br-x", "br-y"]),
        ([("br-x", A), ("br-x", B)], ["br-x", "two interfaces", A, B]),
        ([("br-x", "nope0")], ["br-x", "nope0", "this node lacks", A]),
        ([("br-x", C)], [C, "br-hand", "did not add it", f"ovs-vsctl del-port br-hand {C}"]),
    ],
    ids=["two bridges", "two interfaces", "no interface", "somebody's bridge"],
)
def test_what_is_refused_changes_nothing(bridges: Callable[..., Result], wanted: list[tuple[str, str]], words: list[str]) -> None:
    run("ovs-vsctl", "add-br", "br-hand", "--", "add-port", "br-hand", C)
    before = run("ovs-vsctl", "show")
    for check in (True, False):
        done = bridges(*({"name": name, "interface": interface} for name, interface in wanted), check=check)
        assert done["failed"]
        assert [word for word in words if word not in done["msg"]] == [], done["msg"]
    assert run("ovs-vsctl", "show") == before


# The last one: it stops what the others use.
def test_an_open_vswitch_that_does_not_run(bridges: Callable[..., Result], switch: Path) -> None:
    stop(switch / "switch.pid")
    stop(switch / "ovsdb.pid")
    predicted = bridges({"name": "br-x", "interface": A}, check=True)
    assert (predicted["changed"], predicted["missing"]) == (True, ["br-x", f"br-x {A}"])
    done = bridges({"name": "br-x", "interface": A})
    assert done["failed"]
    assert "journalctl -u openvswitch-switch" in done["msg"]
