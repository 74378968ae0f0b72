"""Tests that need the running lab are marked, so that the others run anywhere: pytest -m 'not lab' tests/integration."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "lab: needs the nodes of the running lab, and leaves nothing behind there")
    config.addinivalue_line("markers", "full: takes long, and is a part of `make test-full` only")
