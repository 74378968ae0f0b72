# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as others get it: built, installed into an empty place, documented."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sysconfig.get_path("scripts"))
PLUGINS = {
    kind: sorted(path.stem for path in (ROOT / "plugins" / directory).glob("[a-z]*.py"))
    for kind, directory in (("module", "modules"), ("filter", "filter"), ("lookup", "lookup"))
}
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())


def run(program: str, *arguments: str | Path, path: Path, status: int = 0, **settings: str) -> str:
    """Output of one of Ansible's programs, which finds collections in the path and in what the virtual environment has."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment |= {"ANSIBLE_COLLECTIONS_PATH": str(path), "ANSIBLE_NOCOLOR": "1", "PATH": f"{PROGRAMS}:{environment['PATH']}"}
    environment |= settings
    command = [str(PROGRAMS / program), *map(str, arguments)]
    result = subprocess.run(command, cwd=path, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == status, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty place with the built collection in it."""
    place = tmp_path_factory.mktemp("installed")
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    source = tmp_path_factory.mktemp("source")
    # Only what is in the repository, or will be: not the virtual environment.
    for name in filter(None, files.stdout.decode().split("\0")):
        if (ROOT / name).exists():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    run("ansible-galaxy", "collection", "build", source, "--output-path", place, path=place)
    (archive,) = place.glob("mikumo-openstack-*.tar.gz")
    # By force: the virtual environment has a link to this checkout, which would count as installed already.
    run("ansible-galaxy", "collection", "install", "--force", "--no-deps", archive, "--collections-path", place, path=place)
    assert (place / "ansible_collections/mikumo/openstack/MANIFEST.json").exists()
    return place


def test_fragments_become_a_changelog(tmp_path: Path) -> None:
    for name in ("galaxy.yml", "changelogs", "meta", "plugins", "roles"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    run("antsibull-changelog", "lint", path=tmp_path)
    run("antsibull-changelog", "release", path=tmp_path)
    text = (tmp_path / "CHANGELOG.md").read_text()
    # What a fragment says, and the plugins that came with the version.
    assert "turns Debian 13 machines into a cloud" in text
    assert "openvswitch\\_bridges" in text
    assert list((tmp_path / "changelogs/fragments").glob("*.yml")) == []


def test_execution_environment_has_a_context(installed: Path, tmp_path: Path) -> None:
    """An image of it is built elsewhere: here it is seen that Ansible Builder finds everything that it wants."""
    shutil.copy(ROOT / "execution-environment.yml", tmp_path)
    run("ansible-builder", "create", path=tmp_path)
    assert "mikumo.openstack" in (tmp_path / "context/_build/requirements.yml").read_text()
    assert "ansible-core>=2.21" in (tmp_path / "context/Dockerfile").read_text()
    collection = installed / "ansible_collections/mikumo/openstack"
    found = run("ansible-builder", "introspect", installed, path=tmp_path)
    for wanted in ((collection / "meta/requirements.txt").read_text() + (collection / "bindep.txt").read_text()).splitlines():
        assert wanted.startswith("#") or wanted.split(" ")[0] in found, wanted


def test_archive_has_what_users_need_and_nothing_else(installed: Path) -> None:
    (archive,) = installed.glob("mikumo-openstack-*.tar.gz")
    with tarfile.open(archive) as tar:
        names = set(tar.getnames())
    assert {"README.md", "LICENSE", "playbooks/site.yml", "roles/glance/README.md", "plugins/modules/catalog.py"} <= names
    strangers = [
        name for name in names if name.split("/")[0] in (".venv", ".cache", ".ci", ".github", "tests", "molecule", "scripts")
    ]
    assert strangers == []
    assert not [name for name in names if name.endswith(("secrets.yml", "clouds.yaml"))]


def test_site_runs_from_the_installed_collection(installed: Path) -> None:
    inventory = installed / "ansible_collections/mikumo/openstack/inventories/example/hosts.yml"
    output = run("ansible-playbook", "mikumo.openstack.site", "--list-tasks", "-i", inventory, path=installed)
    for task in (
        "mikumo.openstack.preflight : nodes",
        "What differs from its description",
        "Bridges",
        "Foundation",
        "Services, agents and compute services",
        "Volumes",
        "Services and agents",
    ):
        assert task in output


# Ansible's settings as other people have them, each the opposite of what the checkout's ansible.cfg says or of the default.
SETTINGS: dict[str, dict[str, str]] = {
    "none": {},
    "others": {
        "ANSIBLE_STRATEGY": "free",
        "ANSIBLE_GATHERING": "smart",
        "ANSIBLE_CACHE_PLUGIN": "jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": "facts",
        "ANSIBLE_HASH_BEHAVIOUR": "merge",
        "ANSIBLE_INJECT_FACT_VARS": "true",
        "ANSIBLE_STDOUT_CALLBACK": "minimal",
        "ANSIBLE_ANY_ERRORS_FATAL": "false",
        "ANSIBLE_PIPELINING": "false",
        "http_proxy": "http://127.0.0.1:1",
        "https_proxy": "http://127.0.0.1:1",
    },
}


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("region", ["", "Here"])
def test_preflight_does_not_depend_on_settings_of_ansible(settings: str, region: str, installed: Path, tmp_path: Path) -> None:
    """A wrong setting is refused, and a good inventory gets as far as its nodes, which do not answer."""
    example = installed / "ansible_collections/mikumo/openstack/inventories/example"
    site = shutil.copytree(example, tmp_path / "site")
    # After cloud.yml, and beside connection variables that are for the nodes alone.
    (site / "group_vars/all/test.yml").write_text(
        json.dumps(
            {
                "cloud_region": region,
                "ansible_become": True,
                "ansible_become_exe": "/nonexistent",
                "ansible_port": 1,
                "ansible_timeout": 1,
            }
        )
    )
    arguments = ("mikumo.openstack.preflight", "-i", site / "hosts.yml", "--check")
    output = run("ansible-playbook", *arguments, path=installed, status=4 if region else 2, **SETTINGS[settings])
    assert ("cloud_region is empty" in output) == (not region)
    assert ("UNREACHABLE" in output) == bool(region)
    assert not (site / "group_vars/all/secrets.yml").exists()


def test_roles_of_site_come_from_the_installed_collection(installed: Path) -> None:
    """What site.yml includes is known only during a run; imported it shows which roles it finds."""
    playbooks = installed / "ansible_collections/mikumo/openstack/playbooks"
    imports = [{"ansible.builtin.import_tasks": str(path)} for path in sorted((playbooks / "tasks").glob("*.yml"))]
    playbook = installed / "imported.json"
    playbook.write_text(json.dumps([{"hosts": "localhost", "tasks": imports}]), encoding="utf-8")
    output = run("ansible-playbook", playbook, "--list-tasks", path=installed)
    for role in ("mariadb", "keystone", "glance", "nova_compute", "neutron_agents", "lvm_storage", "horizon"):
        assert f"mikumo.openstack.{role} : Validating arguments" in output


@pytest.mark.parametrize("kind", PLUGINS)
def test_every_plugin_is_documented(kind: str, installed: Path) -> None:
    names = [f"mikumo.openstack.{name}" for name in PLUGINS[kind]]
    documents = json.loads(run("ansible-doc", "--json", "--type", kind, *names, path=installed))
    assert sorted(documents) == names
    for name, document in documents.items():
        assert document["doc"]["short_description"], name
        assert document["examples"], name
        assert document["return"], name
        if kind == "module":
            assert {"check_mode", "diff_mode", "idempotent"} <= set(document["doc"]["attributes"]), name


def test_every_role_is_documented(installed: Path) -> None:
    names = [f"mikumo.openstack.{name}" for name in ROLES]
    documents = json.loads(run("ansible-doc", "--json", "--type", "role", *names, path=installed))
    assert sorted(documents) == names
    for name, document in documents.items():
        for entry in document["entry_points"].values():
            assert entry["short_description"], name
