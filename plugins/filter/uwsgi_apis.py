# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: uwsgi_apis
version_added: 0.1.0
short_description: Describe the files and units of APIs that run in uWSGI
description:
  - Renders for each API the file with which Debian's unit starts uWSGI, V(/etc/SERVICE/UNIT-uwsgi.ini), and describes the unit.
  - The file from the Debian package starts eight processes with 32 threads each for every API. It also removes
    C(Content-Length) from responses, which resets keep-alive connections. The file from this filter starts the given number
    of processes and threads, and closes the connection after every response.
positional: _input, service
options:
  _input:
    description: APIs to describe.
    type: list
    elements: dict
    required: true
    suboptions:
      unit:
        description: Debian's unit, without C(.service).
        type: str
        required: true
      application:
        description: Path of the WSGI script.
        type: path
        required: true
      processes:
        description: Number of worker processes.
        type: int
        required: true
      threads:
        description: Number of threads per process.
        type: int
        required: true
      options:
        description: Further uWSGI options. They override the options that all APIs share.
        type: dict
        default: {}
      files:
        description: Further files that the API reads.
        type: list
        elements: path
        default: []
      url:
        description:
          - URL at which the API answers an unauthenticated request with the status 200 or 300.
          - Without it, the module M(mikumo.openstack.service) does not wait for an answer.
        type: str
  service:
    description: OpenStack's name of the service. Its system user and its directory in V(/etc) have the same name.
    type: str
    required: true
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Run Placement's API
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
  description: C(files) and C(units) for the module M(mikumo.openstack.service).
  type: dict
"""

import typing as t
from collections.abc import Callable, Mapping, Sequence

REQUIRED = ("unit", "application", "processes", "threads")
KNOWN = (*REQUIRED, "options", "files", "url")
# Options that all APIs share.
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
    # One line per request would flood the journal. The service's own log has everything relevant.
    "disable-logging": "true",
}
# eventlet's own resolver costs each process 6 MB and a fifth of its startup time, and does less than the system's resolver.
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
    # The name under which RabbitMQ lists the connection.
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
