# Copyright: the Mikumo authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The uWSGI file of an OpenStack API."""

from __future__ import annotations

from typing import Any

DOCUMENTATION = r"""
name: uwsgi_config
short_description: The uWSGI file of an OpenStack API
description:
  - Renders the file with which Debian's unit of an API starts uWSGI.
  - The file that the package ships starts eight processes of 32 threads for every API and takes C(Content-Length) out of
    the answers, so that a client that keeps its connection sees it reset. This one follows the given size and closes the
    connection after every answer.
positional: _input
options:
  _input:
    description:
      - C(name) of the system user, C(application) (WSGI script), C(processes), C(threads).
      - C(process_name) for oslo.messaging, C(plugins) besides Python's, and any other option of uWSGI.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: The file of Placement
  ansible.builtin.debug:
    msg: "{{ api | mikumo.openstack.uwsgi_config }}"
  vars:
    api: {name: placement, application: /usr/bin/placement-api, processes: 1, threads: 2}
"""

RETURN = r"""
_value:
  description: Text of the file.
  type: str
"""


def uwsgi_config(api: dict[str, Any]) -> str:
    """Text of /etc/SERVICE/SERVICE-uwsgi.ini."""
    api = dict(api)
    name, application = api.pop("name"), api.pop("application")
    process_name = api.pop("process_name", None)
    options = {
        "master": "true",
        "plugins": ",".join(["python3", *api.pop("plugins", [])]),
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
        "uid": name,
        "gid": name,
        "chdir": f"/var/lib/{name}",
        "processes": api.pop("processes"),
        "threads": api.pop("threads"),
        "wsgi-file": application,
        **api,
    }
    lines = [f"{key} = {value}" for key, value in options.items()]
    # eventlet's own resolver costs each process 6 MB and a fifth of its start, and knows less than the system's.
    lines.append("env = EVENTLET_NO_GREENDNS=yes")
    if process_name:
        lines.append(f"env = OS_OSLO_MESSAGING_RABBIT__PROCESSNAME={process_name}")
    return "\n".join(["# Managed by Ansible (mikumo.openstack).", "[uwsgi]", *lines]) + "\n"


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Any]:
        return {"uwsgi_config": uwsgi_config}
