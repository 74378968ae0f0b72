# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules against real services of the running cloud: what check mode predicts is what happens."""

from __future__ import annotations

import getpass
import grp
import hashlib
import json
import os
import subprocess
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openstack
import pytest
import yaml

pytestmark = pytest.mark.lab

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sysconfig.get_path("scripts"))
NAME = "mikumo-test"
URL = "http://192.0.2.1:9999"
Result = dict[str, Any]


def run_module(name: str, host: str, arguments: dict[str, Any], *, check: bool = False, module: str = "") -> Result:
    """Result of one call of a module of this collection, or of another one."""
    environment = os.environ | {
        "ANSIBLE_CALLBACKS_ENABLED": "ansible.posix.json",
        "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "OS_CLIENT_CONFIG_FILE": str(ROOT / "clouds.yaml"),
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
    }
    command = [
        "ansible",
        host,
        "-i",
        "inventories/lab/hosts.yml",
        "-m",
        module or f"mikumo.openstack.{name}",
        # No arguments are no JSON, but nothing.
        *(["-a", json.dumps(arguments)] if arguments else []),
    ]
    if host == "localhost":
        command += ["-e", "ansible_python_interpreter={{ ansible_playbook_python }}"]
    result = subprocess.run(
        command + ["--check"] * check + ["--diff"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    answer: Result = json.loads(result.stdout)["plays"][0]["tasks"][0]["hosts"][host]
    return answer


# What happens to units; the words about them say what the call found, which is another thing after it has written their files.
UNITS = ("started", "restarted", "reloaded", "stopped", "enabled", "disabled")


def told(result: Result) -> Any:
    """What has to be predicted: the differences, of units what happens to which."""
    happened = {verb: result[verb] for verb in UNITS if verb in result}
    return (happened, result["diff"][:-1] if any(happened.values()) else result.get("diff"))


def converge(name: str, arguments: dict[str, Any], host: str = "localhost") -> Result:
    """Predict, do, and do again. The prediction has to be what was done, and the second time has to be nothing."""
    predicted = run_module(name, host, arguments, check=True)
    done = run_module(name, host, arguments)
    assert not done.get("failed"), done.get("msg")
    assert predicted["changed"] == done["changed"]
    assert told(predicted) == told(done)
    again = run_module(name, host, arguments)
    assert again["changed"] is False, again.get("diff")
    return done


@pytest.fixture(scope="module")
def cloud() -> Iterator[openstack.connection.Connection]:
    with openstack.connect(cloud="mikumo", config_files=[str(ROOT / "clouds.yaml")]) as connection:
        yield connection


@pytest.fixture(scope="module", autouse=True)
def nothing_stays(cloud: openstack.connection.Connection) -> Iterator[None]:
    yield
    absent = {"name": NAME, "state": "absent"}
    run_module(
        "catalog",
        "localhost",
        {
            "cloud": "mikumo",
            "region_name": "RegionOne",
            "services": [absent | {"type": NAME}],
            "domains": [absent],
            "roles": [absent],
        },
    )
    run_module("images", "localhost", {"cloud": "mikumo", "images": [absent]})


def catalog(**lists: Any) -> Result:
    return converge("catalog", {"cloud": "mikumo", "region_name": "RegionOne", **lists})


def service(**more: Any) -> dict[str, Any]:
    return {"name": NAME, "type": NAME, "endpoints": {"public": URL, "internal": URL}, **more}


def logs_in(password: str) -> bool:
    cloud = yaml.safe_load((ROOT / "clouds.yaml").read_text())["clouds"]["mikumo"]
    with openstack.connect(
        auth_url=cloud["auth"]["auth_url"],
        cacert=cloud["cacert"],
        username=NAME,
        password=password,
        user_domain_name=NAME,
        project_name=NAME,
        project_domain_name=NAME,
    ) as connection:
        try:
            return bool(connection.authorize())
        except openstack.exceptions.SDKException:
            return False


def user(password: str) -> dict[str, Any]:
    return {"name": NAME, "domain": NAME, "password": password, "roles": [{"role": NAME, "project": NAME}]}


def test_catalog_creates_in_one_call() -> None:
    done = catalog(
        domains=[{"name": NAME}],
        projects=[{"name": NAME, "domain": NAME}],
        roles=[NAME],
        users=[user("first-one")],
        services=[service()],
    )
    assert done["changed"]
    assert "first-one" not in json.dumps(done)
    assert logs_in("first-one")


def test_catalog_sets_another_password() -> None:
    done = catalog(users=[user("second-one")])
    assert done["changed"]
    assert "second-one" not in json.dumps(done)
    assert logs_in("second-one")
    assert not logs_in("first-one")


def test_catalog_moves_an_endpoint(cloud: openstack.connection.Connection) -> None:
    assert catalog(services=[service(endpoints={"public": f"{URL}/new"})])["changed"]
    found = {one.interface: one.url for one in cloud.identity.endpoints(service_id=cloud.identity.find_service(NAME).id)}
    assert found == {"public": f"{URL}/new", "internal": URL}


def test_catalog_removes_a_stale_duplicate(cloud: openstack.connection.Connection) -> None:
    cloud.identity.create_endpoint(
        service_id=cloud.identity.find_service(NAME).id, interface="public", region_id="RegionOne", url=f"{URL}/old"
    )
    assert catalog(services=[service()])["changed"]
    found = [one.url for one in cloud.identity.endpoints(service_id=cloud.identity.find_service(NAME).id, interface="public")]
    assert found == [URL]


def test_catalog_removes_a_service(cloud: openstack.connection.Connection) -> None:
    assert catalog(services=[{"name": NAME, "type": NAME, "state": "absent"}])["changed"]
    assert cloud.identity.find_service(NAME) is None


@pytest.mark.parametrize(
    ("auth", "words"),
    [
        ({"auth_url": "https://10.0.0.11:5000/v3", "username": "admin", "password": "wrong-one"}, ["10.0.0.11:5000", "admin"]),
        ({"auth_url": "https://10.0.0.11:5999/v3", "username": "admin", "password": "wrong-one"}, ["10.0.0.11:5999", "refused"]),
    ],
    ids=["wrong password", "nobody there"],
)
def test_catalog_says_what_is_wrong(auth: dict[str, str], words: list[str]) -> None:
    authorities = str(ROOT / "mikumo-ca.pem")
    result = run_module("catalog", "localhost", {"auth": auth, "ca_cert": authorities, "timeout": 2, "roles": [NAME]})
    assert result["failed"]
    assert [word for word in words if word not in result["msg"]] == [], result["msg"]
    assert "wrong-one" not in json.dumps(result)


def test_the_catalog_that_is_read_is_the_one_that_is_there() -> None:
    found = run_module("catalog_info", "localhost", {"cloud": "mikumo"})["catalog"]
    assert "keystone" in [one["name"] for one in found["services"]]
    again = run_module("catalog", "localhost", {"cloud": "mikumo", **found}, check=True)
    assert again["changed"] is False, again["changes"]


def test_the_images_that_are_read_are_the_ones_that_are_there() -> None:
    found = run_module("images_info", "localhost", {"cloud": "mikumo"})["images"]
    assert found
    again = run_module("images", "localhost", {"cloud": "mikumo", "images": found}, check=True)
    assert again["changed"] is False, again["changes"]


def test_images_follow_their_file(cloud: openstack.connection.Connection, tmp_path: Path) -> None:
    path = tmp_path / "disk.raw"

    def upload(content: bytes, **more: Any) -> Result:
        path.write_bytes(content)
        image = {"name": NAME, "file": str(path), "disk_format": "raw", "visibility": "private", **more}
        return converge("images", {"cloud": "mikumo", "images": [image]})

    assert upload(b"\0one" * 1000)["changed"]
    assert upload(b"\0one" * 1000, properties={"os_distro": "debian"})["changed"]
    assert cloud.image.find_image(NAME).os_distro == "debian"
    assert upload(b"\0two" * 1000)["changed"]
    image = cloud.image.find_image(NAME)
    assert cloud.image.download_image(image).content == b"\0two" * 1000
    assert converge("images", {"cloud": "mikumo", "images": [{"name": NAME, "state": "absent"}]})["changed"]
    assert cloud.image.find_image(NAME) is None


def test_images_refuse_a_file_that_is_not_what_was_asked_for(cloud: openstack.connection.Connection, tmp_path: Path) -> None:
    path = tmp_path / "disk.raw"
    path.write_bytes(b"something else")
    checksum = f"sha256:{hashlib.sha256(b'this').hexdigest()}"
    image = {"name": NAME, "file": str(path), "checksum": checksum, "disk_format": "raw"}
    result = run_module("images", "localhost", {"cloud": "mikumo", "images": [image]})
    assert result["failed"]
    assert [word for word in (NAME, str(path), checksum.partition(":")[2]) if word not in result["msg"]] == [], result["msg"]
    assert cloud.image.find_image(NAME) is None


@pytest.mark.parametrize("disk_format", ["qcow2", "raw", "aki"])
def test_images_refuse_an_error_page(cloud: openstack.connection.Connection, disk_format: str, tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(b"<html><title>404 Not Found</title></html>")
    image = {"name": NAME, "file": str(path), "disk_format": disk_format}
    result = run_module("images", "localhost", {"cloud": "mikumo", "images": [image]})
    assert result["failed"]
    assert "an HTML page" in result["msg"]
    assert cloud.image.find_image(NAME) is None


@pytest.fixture
def unit() -> Iterator[Callable[[str], Result]]:
    """Writes and runs a unit on a node; its file says what it answers."""
    path, page = "/etc/systemd/system/mikumo-test.service", "/run/mikumo-test/index.html"
    start = "/usr/bin/python3 -m http.server --directory /run/mikumo-test 8099"
    text = f"[Service]\nExecStart={start}\n[Install]\nWantedBy=multi-user.target\n"

    def write(content: str) -> Result:
        files = [
            {"path": "/run/mikumo-test", "state": "directory", "mode": "0755"},
            {"path": page, "content": content, "mode": "0644"},
            {"path": path, "content": text, "mode": "0644"},
        ]
        unit = {"name": NAME, "files": [page], "url": "http://127.0.0.1:8099/"}
        return converge("service", {"files": files, "units": [unit], "secrets": ["not-to-be-seen"]}, "network")

    yield write
    run_module("service", "network", {"units": [{"name": NAME, "state": "stopped", "enabled": False}]})
    gone = [{"path": path, "state": "absent"}, {"path": page, "state": "absent"}]
    run_module("service", "network", {"files": gone})


def test_units_run_with_the_files_on_disk(unit: Callable[[str], Result]) -> None:
    assert unit("first\n")["started"] == [f"{NAME}.service"]
    assert unit("second\n")["restarted"] == [f"{NAME}.service"]
    assert unit("second\n")["changed"] is False


def test_files_do_not_show_secrets() -> None:
    files = [{"path": "/run/mikumo-secret.conf", "content": "[database]\nconnection = mysql://u:not-to-be-seen@h/d\n"}]
    done = converge("service", {"files": files, "secrets": ["not-to-be-seen"]}, "network")
    assert done["changed"]
    assert "[database]" in json.dumps(done["diff"])
    assert "not-to-be-seen" not in json.dumps(done["diff"])
    converge("service", {"files": [{"path": "/run/mikumo-secret.conf", "state": "absent"}]}, "network")


def test_schema_that_is_behind_is_seen() -> None:
    arguments = {
        "name": "placement",
        "config_file": "/etc/placement/placement.conf",
        "section": "placement_database",
        "migrations": ["/usr/lib/python3/dist-packages/placement/db/sqlalchemy/alembic"],
        "command": ["placement-manage", "db", "sync"],
        "user": "placement",
    }
    now = converge("database_schema", arguments, "controller")
    assert now["changed"] is False
    assert now["before"] == now["heads"]
    # the same scripts, and a version table in which nothing stands yet
    behind = run_module("database_schema", "controller", arguments | {"version_table": "mikumo_test"}, check=True)
    assert behind["changed"] is True
    assert (behind["before"], behind["after"]) == ([], now["heads"])


def on_node(node: str, command: str) -> str:
    done = subprocess.run(
        ["scripts/node-ssh", "inventories/lab/hosts.yml", node, command],
        cwd=ROOT,
        env=os.environ | {"PATH": f"{PROGRAMS}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return done.stdout


def test_bridges_are_made_and_their_uplinks_change() -> None:
    """On a node with Neutron's agents: bridges that the cloud has keep their uplinks and the agents' ports."""
    external = {"name": "br-external", "interface": "eth2"}
    test = {"name": "br-mikumo-test", "interface": "mikumo-test-a"}
    try:
        on_node("network", "for i in a b; do ip link add mikumo-test-$i type dummy; done")
        before = on_node("network", "ovs-vsctl list-ports br-external; ovs-vsctl list-ports br-int")
        done = converge("openvswitch_bridges", {"bridges": [external, test]}, "network")
        assert (done["missing"], done["removed"]) == (["br-mikumo-test", "br-mikumo-test mikumo-test-a"], [])
        done = converge("openvswitch_bridges", {"bridges": [external, test | {"interface": "mikumo-test-b"}]}, "network")
        assert (done["missing"], done["removed"]) == (["br-mikumo-test mikumo-test-b"], ["br-mikumo-test mikumo-test-a"])
        assert on_node("network", "ovs-vsctl list-ports br-mikumo-test").split() == ["mikumo-test-b"]
        # after a reboot the unit brings up what the database names, and nothing else
        on_node(
            "network", "ip link set mikumo-test-a down; ip link set mikumo-test-b down; systemctl restart mikumo-bridge-ports"
        )
        assert "UP" in on_node("network", "ip link show mikumo-test-b").split(">")[0]
        assert "UP" not in on_node("network", "ip link show mikumo-test-a").split(">")[0]
        assert converge("openvswitch_bridges", {"bridges": [external]}, "network")["removed"] == ["br-mikumo-test mikumo-test-b"]
        assert on_node("network", "ovs-vsctl list-ports br-mikumo-test").split() == []
        assert on_node("network", "ovs-vsctl list-ports br-external; ovs-vsctl list-ports br-int") == before
    finally:
        on_node(
            "network", "ovs-vsctl --if-exists del-br br-mikumo-test; for i in a b; do ip link delete mikumo-test-$i; done; true"
        )


def test_a_volume_group_is_made_once_and_never_again() -> None:
    """tests/integration/test_volume_group.py has the other cases. A node has active volumes and udev besides."""
    file, name = "/var/lib/mikumo-test.img", "mikumo-test"
    wanted = {"name": name, "file": file, "file_gb": 1}
    theirs = on_node("controller", "vgs --noheadings --options vg_uuid,pv_name cinder-volumes")
    try:
        assert converge("volume_group", wanted, "controller")["changed"]
        on_node("controller", f"lvcreate --quiet --yes --size 64M --name volume {name}")
        assert converge("volume_group", wanted | {"file_gb": 2}, "controller")["changed"]
        device = on_node("controller", f"losetup --associated {file} --noheadings --output NAME").strip()
        facts = run_module("node_facts", "controller", {})["ansible_facts"]
        about = facts["ansible_block_devices"][device]
        assert (about["group"], about["member"], about["used"]) == (name, True, ["mikumo--test-volume (lvm) is built on it"])
        assert facts["ansible_loop_files"][device] == file
        # an active volume is not wiped, whatever was consented to
        for consent in (False, True):
            refused = run_module("volume_group", "controller", {"name": "mikumo-other", "device": device, "wipe": consent})
            assert "mikumo--test-volume (lvm) is built on it" in refused["msg"]
        # as after a reboot with the file gone
        on_node("controller", f"vgchange --quiet --activate n {name} && losetup --detach {device} && mv {file} {file}.kept")
        assert "existed on this node before" in run_module("volume_group", "controller", wanted)["msg"]
        on_node("controller", f"! test -e {file} && mv {file}.kept {file}")
        assert run_module("volume_group", "controller", wanted | {"file_gb": 2})["changes"] == [f"{file} attached"]
        assert "volume" in on_node("controller", f"lvs --noheadings --options lv_name {name}")
    finally:
        on_node(
            "controller",
            f"mv {file}.kept {file} 2>/dev/null; vgremove --quiet --force --yes {name}; "
            f"losetup --associated {file} --noheadings --output NAME | xargs --no-run-if-empty losetup --detach; rm -f {file}",
        )
    assert on_node("controller", "vgs --noheadings --options vg_uuid,pv_name cinder-volumes") == theirs


def test_an_interrupted_installation_is_finished() -> None:
    """A package of a file, which is unpacked and not configured, as where a transaction was killed."""
    control = "Package: mikumo-test\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@example.org>\\nDescription: x\\n"
    on_node(
        "network",
        f"mkdir -p /run/mikumo-deb/DEBIAN && printf '{control}' >/run/mikumo-deb/DEBIAN/control"
        " && dpkg-deb --build /run/mikumo-deb /run/mikumo-test.deb && dpkg --unpack /run/mikumo-test.deb",
    )
    try:
        done = converge("installed_packages", {}, "network")
        assert done["finished"] == ["mikumo-test"]
        assert "mikumo-test" in done["installed"]
    finally:
        on_node("network", "dpkg --purge mikumo-test; rm -rf /run/mikumo-deb /run/mikumo-test.deb")


def test_facts_are_those_of_setup() -> None:
    ours = run_module("node_facts", "network", {})["ansible_facts"]
    names = [
        "hostname",
        "nodename",
        "distribution",
        "distribution_version",
        "distribution_major_version",
        "memtotal_mb",
        "processor_vcpus",
    ]
    wanted = [f"ansible_{name}" for name in [*names, "interfaces", "all_ipv4_addresses"]]
    setup = run_module("node_facts", "network", {}, module="ansible.builtin.setup")["ansible_facts"]
    for name in wanted:
        same = sorted(ours[name]) == sorted(setup[name]) if isinstance(ours[name], list) else ours[name] == setup[name]
        assert same, f"{name}: {ours[name]!r}, and {setup[name]!r} of setup"
    assert ours["ansible_default_interfaces"] == [setup["ansible_default_ipv4"]["interface"]]
    assert (ours["ansible_session_address"], ours["ansible_session_interface"]) == ("10.0.0.12", "eth0")
    (address,) = [one for one in ours["ansible_links"]["eth0"]["addresses"] if one["family"] == "ipv4"]
    assert (address["address"], address["prefixlen"]) == ("10.0.0.12", int(setup["ansible_eth0"]["ipv4"]["prefix"]))


def test_services_that_are_silent_are_named() -> None:
    alive, silent = {"binary": "neutron-l3-agent", "host": "network"}, {"binary": "nova-compute", "host": "nowhere"}
    assert run_module("services_alive", "localhost", {"cloud": "mikumo", "expected": [alive]})["silent"] == []
    result = run_module("services_alive", "localhost", {"cloud": "mikumo", "expected": [alive, silent], "alive_timeout": 0})
    assert result["failed"]
    assert (result["alive"], result["silent"]) == (["neutron-l3-agent on network"], ["nova-compute on nowhere"])
    assert "nova-compute on nowhere" in result["msg"]


def test_administrator_and_cells_that_are_there_are_left_alone() -> None:
    cloud = yaml.safe_load((ROOT / "clouds.yaml").read_text())["clouds"]["mikumo"]
    url = cloud["auth"]["auth_url"].rstrip("/").removesuffix("/v3") + "/v3"
    auth = {key: cloud["auth"][key] for key in ("username", "project_name", "password")} | {"auth_url": url}
    arguments = {
        "auth": auth,
        "ca_cert": "/etc/mikumo/tls/ca.pem",
        "region_name": "RegionOne",
        "bootstrap": {"public_url": url, "internal_url": url},
    }
    assert converge("catalog", arguments, "controller")["changed"] is False
    another = run_module("catalog", "controller", arguments | {"auth": auth | {"password": "not-this-one"}}, check=True)
    assert another["changed"] is True
    assert "not-this-one" not in json.dumps(another)
    cells = run_module("nova_cells", "controller", {"hosts": ["compute"]})
    assert (cells["changed"], cells["cells"], cells["hosts"]) == (False, ["cell0", "cell1"], ["compute"])
    assert converge("nova_cells", {}, "controller")["hosts"] == ["compute"]


def test_keys_of_keystone(tmp_path: Path) -> None:
    user, group = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name
    path = tmp_path / "secrets.yml"
    names = ["keystone_fernet_keys", "keystone_credential_keys"]
    converge("secrets_file", {"path": str(path), "missing": names})

    def write(prune: bool) -> Result:
        keys = yaml.safe_load(path.read_text())["cloud_secrets"]
        repositories = [{"path": str(tmp_path / name), "keys": keys[name]} for name in names]
        return converge("keystone_keys", {"repositories": repositories, "owner": user, "group": group, "prune": prune})

    assert write(prune=False)["changed"]
    for rotation in range(2):
        current = yaml.safe_load(path.read_text())["cloud_secrets"]
        arguments = {"path": str(path), "current": current, "most": dict.fromkeys(names, 3)}
        converge("secrets_rotation", arguments)
        assert write(prune=False)["changed"]
        assert write(prune=True)["changed"] is (rotation == 1)
    assert sorted(file.name for file in (tmp_path / names[0]).iterdir()) == ["0", "2", "3"]
