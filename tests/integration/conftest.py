"""Tests that need the running lab are marked, so that the others run anywhere: pytest -m 'not lab' tests/integration."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "lab: needs the nodes of the running lab, and leaves nothing behind there")
    config.addinivalue_line("markers", "full: takes long, and is a part of `make test-full` only")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where Python finds the collection of this checkout by its name."""
    base = tmp_path_factory.mktemp("collections")
    (base / "ansible_collections/mikumo").mkdir(parents=True)
    (base / "ansible_collections/mikumo/openstack").symlink_to(ROOT)
    return str(base)
