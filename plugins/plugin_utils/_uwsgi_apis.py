# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and units of APIs that run in uWSGI.

For every API, the file in the Debian package starts eight processes with 32 threads each. It also removes Content-Length from
responses, which resets keep-alive connections. Our file starts the given number of processes and threads, and closes the
connection after every response.

Debian's start script listens on all addresses. Before it starts the program, it reads a file in /etc/default, which replaces
the arguments.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.mikumo.openstack.plugins.plugin_utils._keys import wrong_keys

__all__ = ["uwsgi_apis"]

REQUIRED = ("unit", "address", "port", "application", "processes", "threads")
OPTIONAL = ("defaults", "options", "files", "url")
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
    wrong = wrong_keys(api, REQUIRED, OPTIONAL)
    if wrong:
        raise ValueError(f"the API {api.get('unit', '')!r} has {wrong}; allowed are {', '.join((*REQUIRED, *OPTIONAL))}")
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


def _socket(api: Mapping[str, t.Any]) -> str:
    address = str(api["address"])
    return f"[{address}]:{api['port']}" if ":" in address else f"{address}:{api['port']}"


def _defaults(api: Mapping[str, t.Any], ini: str) -> str:
    lines = [
        f"# Managed by Ansible (mikumo.openstack). Read by /etc/init.d/{api['unit']}.",
        f'DAEMON_ARGS="--http-socket {_socket(api)} --ini {ini}"',
    ]
    return "\n".join(lines) + "\n"


def uwsgi_apis(apis: Sequence[Mapping[str, t.Any]], service: str) -> dict[str, list[dict[str, t.Any]]]:
    """Return the files and units of these APIs. `service` is the name of the system user and of the directory in /etc."""
    files, units = [], []
    for api in map(_checked, apis):
        path = f"/etc/{service}/{api['unit']}-uwsgi.ini"
        files.append({"path": path, "content": _text(api, service), "mode": "0644"})
        defaults = f"/etc/default/{api.get('defaults', api['unit'])}"
        files.append({"path": defaults, "content": _defaults(api, path), "group": "root", "mode": "0644"})
        unit = {"name": f"{api['unit']}.service", "files": [*api.get("files", []), path, defaults]}
        units.append(unit | ({"url": api["url"]} if "url" in api else {}))
    return {"files": files, "units": units}
