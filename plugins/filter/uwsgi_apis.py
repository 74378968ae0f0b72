# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: uwsgi_apis
version_added: 0.1.0
short_description: Files and units of APIs that run in uWSGI
description:
  - Renders for each API the file with which Debian's unit starts uWSGI, V(/etc/SERVICE/UNIT-uwsgi.ini), and describes the unit.
  - The file that a package ships starts eight processes of 32 threads for every API and takes C(Content-Length) out of the
    answers, so that a client that keeps its connection sees it reset. This one follows the given size and closes the
    connection after every answer.
positional: _input, service
options:
  _input:
    description: The APIs.
    type: list
    elements: dict
    required: true
    suboptions:
      unit:
        description: Debian's unit, without C(.service).
        type: str
        required: true
      application:
        description: The WSGI script.
        type: path
        required: true
      processes:
        description: Number of processes that answer.
        type: int
        required: true
      threads:
        description: Threads of each process.
        type: int
        required: true
      options:
        description: Further options of uWSGI. They go over those that every API has.
        type: dict
        default: {}
      files:
        description: What the API reads besides its own file.
        type: list
        elements: path
        default: []
      url:
        description: Where the API answers a stranger with the status 200 or 300. Nobody waits for it if not given.
        type: str
  service:
    description: OpenStack's name of the service, which is also that of its system user and of its directory below V(/etc).
    type: str
    required: true
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Placement's API
  mikumo.openstack.service:
    files: "{{ placement.files }}"
    units: "{{ placement.units }}"
  vars:
    placement: "{{ [api] | mikumo.openstack.uwsgi_apis('placement') }}"
    api:
      unit: placement-api
      application: /usr/bin/placement-api
      processes: 1
      threads: 2
      files: [/etc/placement/placement.conf]
      url: http://10.0.0.11:8778/
"""

RETURN = r"""
_value:
  description: C(files) and C(units), as the module M(mikumo.openstack.service) takes them.
  type: dict
"""

import typing as t
from collections.abc import Callable, Mapping, Sequence

REQUIRED = ("unit", "application", "processes", "threads")
KNOWN = (*REQUIRED, "options", "files", "url")
# What every API has.
COMMON = {
    "master": "true",
    "plugins": "python3",
    "lazy-apps": "true",
    "enable-threads": "true",
    "thunder-lock": "true",
    "no-orphans": "true",
    "die-on-term": "true",
    "close-on-exec": "true",
    "buffer-size": 65535,
    "listen": 100,
    "add-header": "Connection: close",
    # One line a request would drown the journal; the service's own log has what matters.
    "disable-logging": "true",
}
# eventlet's own resolver costs each process 6 MB and a fifth of its start, and knows less than the system's.
ENVIRONMENT = ("EVENTLET_NO_GREENDNS=yes",)


def _checked(api: Mapping[str, t.Any]) -> Mapping[str, t.Any]:
    unknown = sorted(set(api) - set(KNOWN))
    missing = [name for name in REQUIRED if name not in api]
    if unknown or missing:
        wrong = f"no {', '.join(missing)}" if missing else f"the unknown {', '.join(unknown)}"
        raise ValueError(f"uwsgi_apis: the API {api.get('unit', '')!r} has {wrong}; an API has {', '.join(KNOWN)}")
    return api


def _text(api: Mapping[str, t.Any], service: str) -> str:
    options = {
        **COMMON,
        "uid": service,
        "gid": service,
        "chdir": f"/var/lib/{service}",
        "processes": api["processes"],
        "threads": api["threads"],
        "wsgi-file": api["application"],
        **api.get("options", {}),
    }
    # By which name RabbitMQ lists the connection.
    environment = [*ENVIRONMENT, f"OS_OSLO_MESSAGING_RABBIT__PROCESSNAME={api['unit']}"]
    lines = [f"{name} = {value}" for name, value in options.items()] + [f"env = {each}" for each in environment]
    return "\n".join(["# Managed by Ansible (mikumo.openstack).", "[uwsgi]", *lines]) + "\n"


def uwsgi_apis(apis: Sequence[Mapping[str, t.Any]], service: str) -> dict[str, list[dict[str, t.Any]]]:
    files, units = [], []
    for api in map(_checked, apis):
        path = f"/etc/{service}/{api['unit']}-uwsgi.ini"
        files.append({"path": path, "content": _text(api, service), "mode": "0644"})
        unit = {"name": f"{api['unit']}.service", "files": [*api.get("files", []), path]}
        units.append(unit | ({"url": api["url"]} if "url" in api else {}))
    return {"files": files, "units": units}


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"uwsgi_apis": uwsgi_apis}
