# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site that cannot work is refused with a clear message, before a node of it is touched."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sysconfig
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.playbooks import run_playbook

ROOT = Path(__file__).resolve().parents[2]
# Addresses that answer nowhere: what is refused with them was refused without its nodes.
NOWHERE = "192.0.2."
SERVICE_ROLES = sorted({path.name for path in (ROOT / "roles").iterdir()} - {"preflight", "secrets"})
Damage = Callable[[Path], None]


def edit(path: Path, change: Callable[[dict], object]) -> None:
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content))


def setting(**values: object) -> Damage:
    """Sets settings of the site in its cloud.yml."""
    return lambda site: edit(site / "group_vars/all/cloud.yml", lambda content: content.update(values))


def without(name: str) -> Damage:
    return lambda site: edit(site / "group_vars/all/cloud.yml", lambda content: content.pop(name))


def group(name: str, hosts: dict[str, object]) -> Damage:
    return lambda site: edit(site / "hosts.yml", lambda content: content["all"]["children"].update({name: {"hosts": hosts}}))


def host(name: str, address: str) -> Damage:
    return lambda site: edit(
        site / "hosts.yml", lambda content: content["all"]["hosts"].update({name: {"ansible_host": address}})
    )


def variable(host: str, **values: object) -> Damage:
    """Sets variables of one host."""
    return lambda site: edit(site / "hosts.yml", lambda content: content["all"]["hosts"][host].update(values))


def secrets(change: Callable[[dict], object]) -> Damage:
    return lambda site: edit(site / "group_vars/all/secrets.yml", change)


def both(*damages: Damage) -> Damage:
    def damage(site: Path) -> None:
        for one in damages:
            one(site)

    return damage


# What is done to the inventory, and what the message has to name: what was given, what is allowed, where to change it.
SETTINGS: dict[str, tuple[Damage, list[str]]] = {
    "empty group": (group("compute_nodes", {}), ["compute_nodes has no hosts", "at least one", "hosts.yml"]),
    "misspelt group": (
        group("compute_node", {"stray": {}}),
        ["group compute_node with stray", "did you mean compute_nodes?", "hosts.yml", "preflight_allowed_names"],
    ),
    "several controllers": (
        group("controller_nodes", {"controller": {}, "network": {}}),
        ["controller_nodes has 2 hosts (controller, network)", "only one controller is supported", "hosts.yml"],
    ),
    "unknown service": (
        setting(cloud_services=["keystone", "glance", "placement", "nova", "neutron", "sinder"]),
        ["'sinder'", "did you mean cinder", "cloud_services", "allowed values: keystone, glance", "group_vars/all"],
    ),
    "services that are no cloud": (
        setting(cloud_services=["keystone", "glance"]),
        ["cloud_services lacks placement, nova, neutron", "use the roles in your own playbook", "group_vars/all"],
    ),
    "name that cannot be part of a file's": (
        setting(cloud_name="a/b"),
        ["cloud_name is 'a/b'", "use letters, digits", "group_vars/all"],
    ),
    "nothing": (setting(cloud_region=None), ["cloud_region has no value", "give a string, such as RegionOne", "group_vars/all"]),
    "text in place of a list": (
        setting(cloud_dns_servers="9.9.9.9"),
        ["cloud_dns_servers is the string '9.9.9.9'", "give a list, such as [9.9.9.9, 1.1.1.1]", "group_vars/all"],
    ),
    "template that fails": (
        setting(cloud_credentials_file="{{ nowhere }}/clouds.yaml"),
        ["cloud_credentials_file cannot be computed from its template: 'nowhere' is undefined", "group_vars/all"],
    ),
    "IPv6": (
        setting(cloud_management_network="fd00::/64"),
        ["cloud_management_network is 'fd00::/64'", "IPv6 is not supported yet", "10.0.0.0/24", "group_vars/all"],
    ),
    "overlapping networks": (
        setting(cloud_project_network="192.0.0.0/16"),
        [
            "cloud_project_network (192.0.0.0/16)",
            "cloud_management_network (192.0.2.0/24)",
            "its own range",
            "group_vars/all",
        ],
    ),
    "too small network": (
        setting(cloud_project_network="192.168.100.0/30"),
        ["cloud_project_network is 192.168.100.0/30", "too small", "/29 or larger", "group_vars/all"],
    ),
    "gateway outside of its network": (
        setting(cloud_external_gateway="10.9.9.9"),
        ["10.9.9.9", "198.51.100.0/24", "cloud_external_gateway", "group_vars/all"],
    ),
    "half a pool": (
        setting(cloud_external_pool={"start": "198.51.100.100"}),
        ["cloud_external_pool has no end", "give a dictionary with start and end", "group_vars/all"],
    ),
    "pool that ends before it begins": (
        setting(cloud_external_pool={"start": "198.51.100.200", "end": "198.51.100.100"}),
        ["198.51.100.200", "198.51.100.100", "cloud_external_pool", "group_vars/all"],
    ),
    "unknown type of tenants' networks": (
        setting(cloud_tenant_network_type="vxlna"),
        ["'vxlna'", "vxlan, gre, vlan", "cloud_tenant_network_type", "group_vars/all"],
    ),
    "interface of one host": (
        variable("network", cloud_external_interface=["eth2"]),
        ["cloud_external_interface of host network is the list ['eth2']", "give a string, such as eno3", "host_vars"],
    ),
    "one interface for two bridges": (
        setting(cloud_tenant_network_type="vlan", cloud_vlan_interface="eth2"),
        ["cloud_external_interface and cloud_vlan_interface both name eth2", "host_vars"],
    ),
    "loopback for the outside": (
        setting(cloud_external_interface="lo"),
        ["cloud_external_interface is 'lo'", "the loopback interface", "host_vars"],
    ),
    "size of volumes that is no number": (
        setting(cloud_volume_gb="10G"),
        ["cloud_volume_gb is '10G'", "a positive integer", "group_vars/all"],
    ),
    "required setting missing": (
        without("cloud_external_network"),
        ["cloud_external_network is not set", "group_vars/all/cloud.yml"],
    ),
    "misspelt setting": (setting(cloud_regoin="Here"), ["cloud_regoin", "did you mean cloud_region", "group_vars"]),
    "misspelt setting of a role": (
        setting(glance_conifg={}),
        ["glance_conifg", "did you mean glance_config", "group_vars", "preflight_allowed_names"],
    ),
    "what the playbooks compute": (
        variable("compute", cloud_keystone_url="https://cloud.example.org:5000"),
        ["cloud_keystone_url in the inventory", "the playbooks compute it", "docs/settings.md", "preflight_allowed_names"],
    ),
    "three mistakes at once": (
        both(setting(cloud_regoin="Here", cloud_services=["keystone", "sinder"]), group("compute_node", {"stray": {}})),
        ["cloud_regoin", "sinder", "group compute_node with stray"],
    ),
    "removed secret": (
        secrets(lambda content: content["cloud_secrets"].pop("glance_database")),
        ["secrets.yml lacks glance_database", "from a backup", "secrets_add_missing=true"],
    ),
    "empty secret": (
        secrets(lambda content: content["cloud_secrets"].update(metadata="")),
        ["secrets.yml lacks metadata", "from a backup"],
    ),
    "secret that YAML reads as a number": (
        secrets(lambda content: content["cloud_secrets"].update(metadata=12345678)),
        ["metadata is a number in YAML", "single quotes", "secrets.yml"],
    ),
    "secret that YAML reads as a boolean": (
        secrets(lambda content: content["cloud_secrets"].update(metadata=True)),
        ["metadata is a boolean in YAML", "single quotes"],
    ),
    "secret with the braces of a template": (
        secrets(lambda content: content["cloud_secrets"].update(metadata="ab{{cd-hush-ef")),
        ["metadata has {{", "metadata: !unsafe"],
    ),
    "secret that Ansible would compute": (
        secrets(lambda content: content["cloud_secrets"].update(metadata="hush-{{ 1 }}-hush")),
        ["metadata has {{", "metadata: !unsafe"],
    ),
    "secret that refers to nothing": (
        secrets(lambda content: content["cloud_secrets"].update(metadata="{{ vault_hush }}")),
        ["metadata is a template that cannot be evaluated", "define the variables in it"],
    ),
    "secret of two lines": (
        secrets(lambda content: content["cloud_secrets"].update(nova_keystone="hush-hush\nhush-hush")),
        ["nova_keystone has more than one line"],
    ),
    "secret that is not ASCII": (
        secrets(lambda content: content["cloud_secrets"].update(glance_database="hush-hush-ü")),
        ["glance_database has non-ASCII characters"],
    ),
    "secret that is too long for Keystone": (
        secrets(lambda content: content["cloud_secrets"].update(demo="hush" * 20)),
        ["demo has the wrong length", "8 to 72 characters"],
    ),
    "secret that is no certificate authority": (
        secrets(lambda content: content["cloud_secrets"].update(tls_ca="hush-hush-hush")),
        ["tls_ca is not a PEM text", "as a block that begins with `tls_ca: |`"],
    ),
    "key of Heat with a wrong length": (
        secrets(lambda content: content["cloud_secrets"].update(heat_encryption="hush" * 5)),
        ["heat_encryption has the wrong length", "16, 24 or 32 characters"],
    ),
    "secret that Keystone's schema cannot use": (
        secrets(lambda content: content["cloud_secrets"].update(keystone_database="hush-hush@hush")),
        ["keystone_database has characters that keystone-manage db_sync cannot handle", "letters, digits and - . _"],
    ),
    "secret that oslo.messaging cannot use": (
        secrets(lambda content: content["cloud_secrets"].update(nova_rabbitmq="hush-hush/hush")),
        ["nova_rabbitmq has characters that oslo.messaging cannot handle", "letters, digits and ! "],
    ),
    "misspelt secret": (
        secrets(lambda content: content["cloud_secrets"].update(nova_rabitmq=content["cloud_secrets"].pop("nova_rabbitmq"))),
        ["nova_rabitmq is unknown: did you mean nova_rabbitmq"],
    ),
    "secrets of one host": (
        variable("compute", cloud_secrets={"nova_keystone": "hush-hush-hush"}),
        ["cloud_secrets differs between hosts controller and compute in cinder_database", "group_vars/all"],
    ),
    "option of a role": (
        setting(glance_port="hush", preflight_memory_mb={"network_nodes": "lots"}, resources_flavors="tiny"),
        [
            "glance_port is not valid for the role glance",
            "preflight_memory_mb is not valid for the role preflight",
            "resources_flavors is not valid for the role resources",
            "group_vars/all",
        ],
    ),
    "secrets that are none": (
        secrets(lambda content: content.update(cloud_secrets=["a", "b"])),
        ["secrets.yml", "cloud_secrets is not a dictionary of names and values"],
    ),
}
# One of each kind runs always. The tables of the unit tests have the breadth, and `make test-full` runs all of them here as well.
QUICK = frozenset(
    {
        "misspelt group",
        "services that are no cloud",
        "text in place of a list",
        "template that fails",
        "IPv6",
        "misspelt setting",
        "three mistakes at once",
        "removed secret",
        "secrets of one host",
        "option of a role",
        "secret with the braces of a template",
        "secret that Keystone's schema cannot use",
        "missing interface",
        "no address in the tunnel network",
        "disk that is mounted",
        "interface that Ansible comes through",
        "port that others hold",
        "two mistakes at once",
    }
)


def cases(names: Iterable[str]) -> list[Any]:
    return [name if name in QUICK else pytest.param(name, marks=pytest.mark.full) for name in names]


NODES: dict[str, tuple[Damage, list[str]]] = {
    "missing interface": (
        setting(cloud_external_interface="eth7"),
        ["host network has no interface 'eth7'", "it has", "eth2", "cloud_external_interface", "group_vars"],
    ),
    "missing interface of VLANs": (
        setting(cloud_tenant_network_type="vlan", cloud_vlan_interface="eth8"),
        ["host compute has no interface 'eth8'", "cloud_vlan_interface", "group_vars"],
    ),
    "no address in the tunnel network": (
        setting(cloud_tunnel_network="10.77.0.0/24"),
        [
            "compute does not fit",
            "cloud_tunnel_network: the node has no IPv4 address in 10.77.0.0/24",
            "10.0.1.",
            "inventory",
        ],
    ),
    "too small disk": (
        setting(cloud_volume_gb=5000),
        ["5000 GiB", "its file system / has 19.5 GiB", "cloud_volume_gb", "cloud_volume_device", "cloud.yml"],
    ),
    "disk that is not there": (
        setting(cloud_volume_device="/dev/vdz"),
        ["/dev/vdz, which does not exist", "disks are", "cloud_volume_device", "cloud.yml"],
    ),
    "disk that is mounted": (
        setting(cloud_volume_device="/dev/ubda", lvm_storage_volume_group="another"),
        ["controller does not fit", "/dev/ubda", "mounted at /", "even lvm_storage_wipe_device"],
    ),
    "volume group that is elsewhere": (
        setting(cloud_volume_device="/dev/ubdp"),
        ["controller does not fit", "cinder-volumes is on /dev/loop", "not on /dev/ubdp", "docs/operations.md"],
    ),
    "another path of the volumes' file": (
        setting(lvm_storage_file="/var/lib/other.img"),
        ["controller does not fit", "(/var/lib/mikumo-volumes.img)", "not on the file /var/lib/other.img", "docs/operations.md"],
    ),
    "interface that Ansible comes through": (
        setting(cloud_external_interface="eth0"),
        [
            "network does not fit",
            "cloud_external_interface is eth0",
            "this run reaches the node through eth0 (10.0.0.12)",
            "host_vars",
        ],
    ),
    "interface with an address": (
        setting(cloud_tenant_network_type="vlan", cloud_vlan_interface="eth1"),
        ["compute does not fit", "cloud_vlan_interface is eth1", "10.0.1.13/24", "preflight_interface_may_lose_addresses"],
    ),
    # The table of ports is the roles' own, and a port of the site's choice may be anybody's.
    "port that others hold": (
        setting(glance_port=22),
        ["controller does not fit", "port 22 (Glance) is held by ssh.service", "hosts.yml"],
    ),
    "not enough memory": (
        setting(preflight_memory_mb={"network_nodes": 999999}),
        ["network does not fit", "network_nodes needs at least 999999 MiB", "hosts.yml"],
    ),
    "two mistakes at once": (
        setting(cloud_external_interface="eth7", cloud_volume_gb=5000),
        ["eth7", "5000 GiB"],
    ),
}


def play(site: Path, playbook: str, *arguments: str) -> tuple[int, str]:
    return run_playbook([site / "hosts.yml"], f"playbooks/{playbook}.yml", *arguments)


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the lab's inventory with addresses of nowhere, and the secrets that the playbook generated for it."""
    site = tmp_path_factory.mktemp("generated") / "site"
    shutil.copytree(ROOT / "inventories/lab", site, ignore=shutil.ignore_patterns("secrets.yml*"))
    hosts = site / "hosts.yml"
    hosts.write_text(hosts.read_text().replace("10.0.0.", NOWHERE))
    setting(cloud_management_network=f"{NOWHERE}0/24")(site)
    _status, output = play(site, "preflight", *SHORT)
    path = site / "group_vars/all/secrets.yml"
    assert path.is_file(), output[-3000:]
    assert [value for value in values(site) if value in output] == []
    return site


def values(site: Path) -> list[str]:
    return list(yaml.safe_load((site / "group_vars/all/secrets.yml").read_text())["cloud_secrets"].values())


@pytest.fixture
def nowhere(generated: Path, tmp_path: Path) -> Path:
    return shutil.copytree(generated, tmp_path / "site")


@pytest.fixture
def lab(generated: Path, tmp_path: Path) -> Path:
    """A copy of the lab's inventory, with its nodes and other secrets. Only checks run on it."""
    site = shutil.copytree(ROOT / "inventories/lab", tmp_path / "site", ignore=shutil.ignore_patterns("secrets.yml*"))
    shutil.copy(generated / "group_vars/all/secrets.yml", site / "group_vars/all/secrets.yml")
    return site


# The nodes' turn comes, and they refuse the connection at once.
SHORT = ("-e", "ansible_host=127.0.0.1", "-e", "ansible_port=1")
THEIR_TURN = "TASK [Facts]"


def assert_accepted(status: int, output: str) -> None:
    """All is well as far as it can be told without the nodes."""
    assert THEIR_TURN in output, output[-3000:]
    assert status == 4


def assert_refused(status: int, output: str, words: list[str]) -> None:
    assert status != 0
    assert [word for word in words if word not in output] == [], output[-3000:]
    reached = [role for role in SERVICE_ROLES if f"TASK [mikumo.openstack.{role} :" in output]
    assert reached == [], "a role that changes nodes was reached"


@pytest.mark.parametrize("case", cases(SETTINGS))
def test_settings_are_refused(case: str, nowhere: Path) -> None:
    damage, words = SETTINGS[case]
    damage(nowhere)
    status, output = play(nowhere, "site")
    assert_refused(status, output, words)
    assert "TASK [Facts]" not in output, "a node was contacted"
    assert "UNREACHABLE" not in output


@pytest.mark.lab
@pytest.mark.parametrize("case", cases(NODES))
def test_nodes_are_refused(case: str, lab: Path) -> None:
    damage, words = NODES[case]
    damage(lab)
    assert_refused(*play(lab, "preflight"), words)


def on_this_machine(interpreter: str = "/usr/bin/python3") -> Damage:
    """The nodes are this machine, whatever else is wrong with it."""
    local = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": interpreter}
    return lambda site: edit(site / "hosts.yml", lambda content: [of.update(local) for of in content["all"]["hosts"].values()])


def test_a_port_that_others_hold_is_refused(nowhere: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        # The role of Keystone listens on all addresses, so that one of them is enough.
        both(on_this_machine(), setting(keystone_port=port))(nowhere)
        status, output = play(nowhere, "preflight")
    words = [
        "Nothing was changed",
        "controller does not fit",
        f"port {port} (Keystone) is held by ",
        "listens on 127.0.0.1",
        "hosts.yml",
    ]
    assert_refused(status, output, words)


@pytest.mark.parametrize(("seconds", "word"), [(420, "ahead of"), (-420, "behind")])
def test_a_clock_that_is_off_is_refused(nowhere: Path, tmp_path: Path, seconds: int, word: str) -> None:
    # Python reads this file when it starts.
    (tmp_path / "sitecustomize.py").write_text(f"import time\nreal = time.time\ntime.time = lambda: real() + {seconds}\n")
    interpreter = tmp_path / "python"
    interpreter.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path} exec /usr/bin/python3 "$@"\n')
    interpreter.chmod(0o755)
    on_this_machine(str(interpreter))(nowhere)
    status, output = play(nowhere, "preflight")
    assert_refused(
        status, output, ["Nothing was changed", "its clock is at least 0:0", word, "preflight_clock_seconds", "timedatectl"]
    )

    setting(preflight_clock_seconds=600)(nowhere)
    assert "its clock is" not in play(nowhere, "preflight")[1]


def test_no_group_of_ours(nowhere: Path) -> None:
    edit(nowhere / "hosts.yml", lambda content: content["all"].update(children={"controllers": {"hosts": {"controller": None}}}))
    assert_refused(
        *play(nowhere, "site"), ["in the group controller_nodes", "Its groups are controllers", "inventories/example/hosts.yml"]
    )


@pytest.mark.lab
def test_dead_nodes(lab: Path) -> None:
    both(group("compute_nodes", {"compute": None, "gone": None}), host("gone", f"{NOWHERE}99"))(lab)
    edit(lab / "hosts.yml", lambda content: content["all"]["children"]["nodes"]["hosts"].update(gone=None))
    status, output = play(lab, "preflight", "--timeout", "3")
    # Ansible's status of a run in which a host could not be reached
    assert status == 4, output[-3000:]
    assert "The run goes on without gone." in output
    host("controller", f"{NOWHERE}98")(lab)
    assert_refused(*play(lab, "preflight", "--timeout", "3"), ["Nothing was changed. The controller controller does not answer"])


@pytest.mark.lab
def test_hosts_of_others_are_left_alone(lab: Path) -> None:
    host("bastion", f"{NOWHERE}97")(lab)
    edit(lab / "hosts.yml", lambda content: content["all"]["hosts"]["bastion"].update(service_level="gold", lab_room=7))
    status, output = play(lab, "preflight", "--timeout", "3")
    assert status == 0, output[-3000:]
    assert "bastion" not in output


@pytest.mark.lab
@pytest.mark.parametrize(
    "arguments", [[], ["--check"], ["--limit", "network"], ["--limit", "compute,network"], ["--tags", "glance"]], ids=" ".join
)
def test_undamaged_passes(arguments: list[str], lab: Path) -> None:
    status, output = play(lab, "preflight", *arguments)
    assert status == 0, output[-3000:]


def test_strangers_are_left_alone(nowhere: Path) -> None:
    """Whatever variables they have, and although their groups begin like ours."""
    both(host("stray", f"{NOWHERE}19"), group("compute_gpus", {"stray": {}}))(nowhere)
    variable("stray", cloud_regoin="x", cloud_services=5, cloud_controller="me", cloud_name="{{ nope }}")(nowhere)
    setting(mariadb_root_password="not-ours", service_mesh="not-ours", cloud_provider="not-ours")(nowhere)
    _status, output = play(nowhere, "preflight", "-e", "ansible_ssh_timeout=1")
    # the settings were fine, and so the nodes' turn came
    assert "TASK [Facts]" in output, output[-3000:]
    assert "stray" not in output


@pytest.mark.parametrize("case", cases(case for case in SETTINGS if "secret" in case or "Heat" in case))
def test_no_part_of_a_secret_is_shown(case: str, nowhere: Path) -> None:
    SETTINGS[case][0](nowhere)
    _status, output = play(nowhere, "preflight", "-vvv", "--diff")
    assert "hush-" not in output.replace("vault_hush", "")
    assert "hushhush" not in output
    assert "12345678" not in output
    content = yaml.safe_load((nowhere / "group_vars/all/secrets.yml").read_text())["cloud_secrets"]
    kept = content.values() if isinstance(content, dict) else []
    assert [value for value in kept if isinstance(value, str) and len(value) == 32 and value in output] == []


def test_a_password_of_all_marks_passes(nowhere: Path) -> None:
    marks = "a/b@c:d#e?f%g h$i${j}'k\"l;m,n&o=p"
    secrets(
        lambda content: content["cloud_secrets"].update(nova_rabbitmq=marks.replace("/", ""), nova_keystone=marks, demo=marks)
    )(nowhere)
    assert_accepted(*play(nowhere, "preflight", *SHORT))


def test_references_single_vault_values_and_braces_marked_unsafe_pass(nowhere: Path, tmp_path: Path) -> None:
    path = nowhere / "group_vars/all/secrets.yml"
    password = tmp_path / "password"
    password.write_text("not-a-secret\n")
    vault = ("--vault-password-file", str(password))
    program = str(Path(sysconfig.get_path("scripts"), "ansible-vault"))
    encrypted = subprocess.run(
        [program, "encrypt_string", *vault, "hush-hush-hush"], check=True, capture_output=True, text=True
    ).stdout
    text = path.read_text()
    lines = [line.strip() for line in encrypted.strip().splitlines()]
    text = re.sub(r"(?m)^  nova_rabbitmq: .*$", lambda _match: "  nova_rabbitmq: " + "\n    ".join(lines), text)
    text = re.sub(r"(?m)^  demo: .*$", "  demo: '{{ vault_demo }}'", text)
    path.write_text(re.sub(r"(?m)^  metadata: .*$", "  metadata: !unsafe 'hush{{hush{%hush'", text))
    other = nowhere / "group_vars/all/vault.yml"
    other.write_text("vault_demo: hush-hush-demo\n")
    subprocess.run([program, "encrypt", *vault, str(other)], check=True, capture_output=True)
    status, output = play(nowhere, "preflight", *vault, *SHORT)
    assert_accepted(status, output)
    assert "hush" not in output
    assert_refused(*play(nowhere, "preflight"), ["vault"])


def test_one_set_with_every_strategy_and_two_runs_at_once(nowhere: Path) -> None:
    path = nowhere / "group_vars/all/secrets.yml"
    path.unlink()
    command = [str(Path(sysconfig.get_path("scripts"), "ansible-playbook")), "-i", str(nowhere / "hosts.yml")]
    environment = os.environ | {"PATH": f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}", "ANSIBLE_STRATEGY": "free"}
    runs = [
        subprocess.Popen(
            [*command, "playbooks/preflight.yml", *SHORT],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [run.communicate(timeout=180)[0] for run in runs]
    made = [len(re.findall(r"(?m)^changed: .*localhost", output)) for output in outputs]
    assert sorted(made) == [0, 1], outputs
    assert all(THEIR_TURN in output for output in outputs), outputs
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir() if "secrets" in one.name] == ["secrets.yml"]
    assert len(set(values(nowhere))) == len(values(nowhere)) == 29


def run_on(sources: list[str], *arguments: str) -> tuple[int, str]:
    return run_playbook(sources, "playbooks/preflight.yml", *arguments)


def test_place_of_new_secrets(nowhere: Path, tmp_path: Path) -> None:
    """Inventories that are a directory, several, or no file at all."""
    path = nowhere / "group_vars/all/secrets.yml"
    kept = path.read_text()
    path.unlink()
    other = tmp_path / "other"
    (other / "group_vars/all").mkdir(parents=True)
    (other / "hosts.yml").write_text("all: {hosts: {}}\n")
    both_sources = [str(nowhere / "hosts.yml"), str(other / "hosts.yml")]
    assert_refused(*run_on(both_sources), ["several inventories were given", "-e secrets_file="])
    assert_refused(*run_on(["one.example.org,two.example.org"]), ["controller_nodes"])
    elsewhere = tmp_path / "elsewhere.yml"
    for _ in range(2):
        assert_accepted(*run_on(both_sources, "-e", f"secrets_file={elsewhere}", *SHORT))
    assert len(yaml.safe_load(elsewhere.read_text())["cloud_secrets"]) == 29
    assert not path.exists()
    assert_accepted(*run_on([f"{nowhere}/"], *SHORT))
    assert path.is_file()
    # Secrets in a file of all settings: nothing has to be generated.
    path.unlink()
    settings = "".join(one.read_text().removeprefix("---\n") for one in sorted(path.parent.glob("*.yml")))
    shutil.rmtree(path.parent)
    single = nowhere / "group_vars/all.yml"
    single.write_text(settings)
    assert_refused(*run_on([str(nowhere / "hosts.yml")]), ["has a file all.yml", "mv all.yml main.yml"])
    # A PEM block's first line ends like this too.
    single.write_text(settings + kept.split("\n---\n", 1)[1])
    assert_accepted(*run_on([str(nowhere / "hosts.yml")], *SHORT))
    assert not path.exists()


def test_secrets_are_generated_once_for_their_owner_alone(generated: Path, nowhere: Path) -> None:
    path = nowhere / "group_vars/all/secrets.yml"
    assert (generated / "group_vars/all/secrets.yml").stat().st_mode & 0o777 == 0o600
    before = path.read_text()
    play(nowhere, "preflight", *SHORT)
    assert path.read_text() == before


def test_a_misspelt_name_of_the_secrets_generates_none(nowhere: Path) -> None:
    """Else the new ones, in a file that comes later in the alphabet, would take the place of those of the cloud."""
    path = nowhere / "group_vars/all/secrets.yml"
    other = nowhere / "group_vars/all/passwords.yml"
    other.write_text(path.read_text().replace("cloud_secrets:", "cloud_secret:"))
    path.unlink()
    assert_refused(*play(nowhere, "preflight"), ["cloud_secret in the inventory", "did you mean cloud_secrets?"])
    assert not path.exists()
    other.write_text(other.read_text().replace("cloud_secret:", "cloud_secrets:"))
    assert_accepted(*play(nowhere, "preflight", *SHORT))
    assert not path.exists()


def test_variables_that_mean_nothing_elsewhere_pass(nowhere: Path) -> None:
    """Maps by host, whose templates fail for localhost and for hosts that are not ours."""
    both(host("aaa", "{{ nope }}"), variable("aaa", ansible_user="{{ nope }}", ansible_port="{{ nope }}"))(nowhere)
    both(
        setting(nics={"network": "eth2"}, cloud_external_interface="{{ nics[inventory_hostname] }}"),
        setting(sizes={"controller": 5}, cloud_volume_gb="{{ sizes[inventory_hostname] }}"),
        setting(cloud_management_address="{{ by_host[inventory_hostname] }}"),
        setting(by_host={name: f"{NOWHERE}{11 + place}" for place, name in enumerate(("controller", "network", "compute"))}),
        setting(
            ansible_user="{{ by_host[inventory_hostname] and 'root' }}",
            ansible_become_password="{{ by_host[inventory_hostname] }}",
        ),
    )(nowhere)
    for arguments in ([], ["--limit", "all"]):
        _status, output = play(nowhere, "preflight", "-e", "ansible_port=1", *arguments)
        assert "TASK [Facts]" in output, output[-3000:]


def test_check_mode_writes_no_secrets(nowhere: Path) -> None:
    path = nowhere / "group_vars/all/secrets.yml"
    path.unlink()
    _status, output = play(nowhere, "preflight", "--check", "--diff", "-e", "ansible_ssh_timeout=1")
    # the settings were fine, and so the nodes' turn came
    assert "TASK [Facts]" in output, output[-3000:]
    assert not path.exists()


def test_consent_adds_what_is_missing(nowhere: Path) -> None:
    secrets(lambda content: content["cloud_secrets"].pop("glance_database"))(nowhere)
    secrets(lambda content: content.update(other="stays"))(nowhere)
    before = yaml.safe_load((nowhere / "group_vars/all/secrets.yml").read_text())
    _status, output = play(nowhere, "preflight", "--diff", "-e", "secrets_add_missing=true", *SHORT)
    after = yaml.safe_load((nowhere / "group_vars/all/secrets.yml").read_text())
    assert len(after["cloud_secrets"].pop("glance_database")) == 32
    assert after == before
    assert [value for value in values(nowhere) if value in output] == []


def test_a_certificate_authority_is_added_without_consent(nowhere: Path) -> None:
    secrets(lambda content: content["cloud_secrets"].pop("tls_ca"))(nowhere)
    path = nowhere / "group_vars/all/secrets.yml"
    before = path.read_text()
    assert_accepted(*play(nowhere, "preflight", "--check", *SHORT))
    assert path.read_text() == before
    assert_accepted(*play(nowhere, "preflight", *SHORT))
    after = yaml.safe_load(path.read_text())
    assert after["cloud_secrets"].pop("tls_ca").startswith("-----BEGIN PRIVATE KEY-----\n")
    assert after == yaml.safe_load(before)


def test_keys_of_keystone_are_not_generated_beside_those_of_a_controller(nowhere: Path) -> None:
    """It does not answer, and nobody knows what it has."""
    secrets(lambda content: content["cloud_secrets"].pop("keystone_fernet_keys"))(nowhere)
    path = nowhere / "group_vars/all/secrets.yml"
    before = path.read_text()
    status, output = play(nowhere, "preflight", *SHORT)
    assert_refused(status, output, ["lacks keystone_fernet_keys, and the controller may have such keys"])
    assert path.read_text() == before


def test_encrypted_secrets(nowhere: Path, tmp_path: Path) -> None:
    path = nowhere / "group_vars/all/secrets.yml"
    password = tmp_path / "password"
    password.write_text("not-a-secret\n")
    vault = ("--vault-password-file", str(password))

    def encrypt() -> str:
        subprocess.run(
            [Path(sysconfig.get_path("scripts"), "ansible-vault"), "encrypt", *vault, str(path)], check=True, capture_output=True
        )
        return path.read_text()

    plain = path.read_text()
    encrypted = encrypt()
    assert_accepted(*play(nowhere, "preflight", *vault, *SHORT))
    assert path.read_text() == encrypted
    assert_refused(*play(nowhere, "preflight"), ["vault"])

    # what is missing is not added in the clear
    path.write_text(plain)
    secrets(lambda content: content["cloud_secrets"].pop("glance_database"))(nowhere)
    encrypted = encrypt()
    status, output = play(nowhere, "preflight", *vault, "-e", "secrets_add_missing=true")
    assert_refused(status, output, ["is encrypted, and glance_database cannot be added", "ansible-vault decrypt"])
    assert path.read_text() == encrypted

    # not even what needs no consent
    path.write_text(plain)
    secrets(lambda content: content["cloud_secrets"].pop("tls_ca"))(nowhere)
    encrypted = encrypt()
    status, output = play(nowhere, "preflight", *vault)
    assert_refused(status, output, ["is encrypted, and tls_ca cannot be added", "ansible-vault decrypt"])
    assert path.read_text() == encrypted
