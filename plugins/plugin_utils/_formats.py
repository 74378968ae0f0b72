# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks whether a value matches the description of its setting.

Ansible's ArgumentSpecValidator is not strict enough. It accepts null for everything, a dictionary for a string and true for a
number, and ends with a traceback if a number is given for a dictionary with options.
"""

from __future__ import annotations

import ipaddress
import os
import re
import typing as t
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from ansible_collections.mikumo.openstack.plugins.plugin_utils._bridges import OWN_BRIDGES
from ansible_collections.mikumo.openstack.plugins.plugin_utils._site_settings import Setting

__all__ = ["FORMATS", "shown", "value_problems"]

# Addresses in these ranges never belong to a machine or to a site's network.
SPECIAL = {
    "0.0.0.0/8": "the unspecified network",
    "127.0.0.0/8": "the loopback of each machine",
    "169.254.0.0/16": "link-local; instances look for their metadata there",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
}
# Maximum length of an interface name in the kernel.
INTERFACE_LENGTH = 15
# openstacksdk's own sections of clouds.yaml.
RESERVED_CLOUDS = ("envvars", "defaults")
NAME_LENGTH = 64
LIMIT = 80


def shown(value: t.Any) -> str:
    """Return a value in the form that messages quote."""
    text = repr(str(value)) if isinstance(value, str) else str(value)
    return text if len(text) <= LIMIT else f"{text[: LIMIT - 3]}..."


# --- formats: each returns the problem with a string, and what to give instead -----------------------------------------


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.ip_interface(text.strip("[]")).version == 6
    except ValueError:
        return False


IPV6 = "IPv6 is not supported yet; give an IPv4"


def _special(network: ipaddress.IPv4Network) -> str:
    for text, meaning in SPECIAL.items():
        if network.overlaps(ipaddress.IPv4Network(text)):
            return f"{text} is {meaning}"
    return ""


def _network(text: str) -> str:
    if _is_ipv6(text):
        return f"{IPV6} network, such as 10.0.0.0/24"
    try:
        network = ipaddress.IPv4Network(text, strict=False) if "/" in text else None
    except ValueError:
        network = None
    if network is None:
        return "it is not a network; give one like 10.0.0.0/24"
    given, _slash, _length = text.partition("/")
    if given != str(network.network_address):
        return f"that is a host address, not a network; did you mean {network}?"
    if text != str(network):
        return f"give the prefix length; did you mean {network}?"
    if special := _special(network):
        return f"{special}; give another network, like 10.0.0.0/24"
    return ""


def _address(text: str) -> str:
    if _is_ipv6(text):
        return f"{IPV6} address, such as 192.0.2.10"
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return "it is not an address; give one like 192.0.2.10"
    if special := _special(ipaddress.IPv4Network(address)):
        return f"{special}; give another address, like 192.0.2.10"
    return ""


def _dns_server(text: str) -> str:
    problem = _address(text)
    return problem.replace("192.0.2.10", "9.9.9.9")


LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def _address_or_name(text: str) -> str:
    if _is_ipv6(text) or re.fullmatch(r"[0-9.]+", text):
        return _address(text)
    labels = text.removesuffix(".").split(".")
    if len(text) > 253 or text.endswith(".") or not all(LABEL.fullmatch(label) for label in labels):
        return "give an IPv4 address or a host name, without a scheme, port or path, such as 10.0.0.11 or cloud.example.org"
    return ""


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text) or len(text) > NAME_LENGTH:
        return (
            "it becomes part of file names and keys: use letters, digits, '.', '_' and '-', begin with a letter or digit, and "
            f"do not exceed {NAME_LENGTH} characters"
        )
    if text in RESERVED_CLOUDS:
        return f"openstacksdk reserves the names {' and '.join(RESERVED_CLOUDS)}; choose another name"
    return ""


def _file(text: str) -> str:
    if text.endswith(("/", "/.", "/..")) or text in ("~", ".", ".."):
        return "that is a directory; give the path of a file, such as /home/me/clouds.yaml"
    try:
        return _not_writable(Path.cwd() / Path(text).expanduser())
    except RuntimeError:
        return "that home directory does not exist; give the path of a file, such as /home/me/clouds.yaml"


def _not_writable(path: Path) -> str:
    """Return why the file cannot be written on this machine. Missing directories will be created."""
    try:
        if path.is_dir():
            return "that is a directory; give the path of a file in it"
        above = next(parent for parent in path.parents if parent.exists())
        if not above.is_dir():
            return f"{above} is not a directory; give another path"
        if not os.access(path if path.exists() else above, os.W_OK):
            return f"you have no write permission for {path if path.exists() else above}; give another path, or grant it"
    except OSError as error:
        return f"{error.strerror}; give another path"
    return ""


def _readable_file(text: str) -> str:
    """The file is read on this machine."""
    try:
        path = Path.cwd() / Path(text).expanduser()
        if path.is_dir():
            return "that is a directory; give the path of a file"
        if not path.exists():
            return "there is no such file on the machine that runs Ansible; give the path of one that exists"
        if not path.is_file():
            return "that is not a file; give the path of a file"
        if not os.access(path, os.R_OK):
            return "you have no read permission for it; grant it, or give another path"
    except RuntimeError:
        return "that home directory does not exist; give the path of a file"
    except OSError as error:
        return f"{error.strerror}; give another path"
    return ""


def _interface(text: str) -> str:
    if len(text.encode()) > INTERFACE_LENGTH:
        return (
            f"interface names have at most {INTERFACE_LENGTH} characters; if it is an alternative name, give the first name that "
            "`ip link` shows"
        )
    if re.search(r"[\s/:]", text) or text in (".", "..") or not text.isascii():
        return "give the name of one interface as `ip link` shows it, such as eno2 or bond0.100"
    if text == "lo" or text in OWN_BRIDGES:
        what = "the loopback interface" if text == "lo" else "an Open vSwitch bridge of the cloud"
        return f"that is {what}; give an interface of the machine, such as eno2 or bond0.100"
    return ""


def _vlan_range(text: str) -> str:
    match = re.fullmatch(r"([0-9]{1,4}):([0-9]{1,4})", text)
    if match and 1 <= int(match[1]) <= int(match[2]) <= 4094:
        return ""
    return "give the first and last tag, from 1 to 4094, in quotes, like '100:199'"


def _device(text: str) -> str:
    if re.fullmatch(r"/dev/[^\s/]\S*", text) and not text.endswith("/") and ".." not in text.split("/"):
        return ""
    return "give the path of a disk, such as /dev/vdb or /dev/disk/by-id/..., or an empty string for a file"


FORMATS: Mapping[str, Callable[[str], str]] = {
    "address": _address,
    "address_or_name": _address_or_name,
    "device": _device,
    "dns_server": _dns_server,
    "file": _file,
    "interface": _interface,
    "name": _name,
    "network": _network,
    "readable_file": _readable_file,
    "vlan_range": _vlan_range,
}


# --- types ------------------------------------------------------------------------------------------------------------

KINDS = {"str": "a string", "int": "a positive integer", "bool": "true or false", "list": "a list", "dict": "a dictionary"}


def _kind(value: t.Any) -> str:
    """Describe the type that YAML gave to an invalid value."""
    if isinstance(value, bool):
        return f"{str(value).lower()} (YAML also reads yes, no, on and off as booleans)"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the string {shown(value)}"
    if isinstance(value, Mapping):
        return f"the dictionary {shown(dict(value))}"
    if isinstance(value, (list, tuple)):
        return f"the list {shown(list(value))}"
    return f"{shown(value)}, which YAML reads as type {type(value).__name__.removeprefix('_AnsibleTagged').lower()}"


def _such_as(setting: Setting) -> str:
    if setting.choices:
        return f", one of {', '.join(setting.choices)}" if setting.type != "list" else f" of {', '.join(setting.choices)}"
    if setting.type == "dict":
        return f" with {' and '.join(setting.options)}"
    if setting.example in (None, ""):
        return ""
    if isinstance(setting.example, list):
        return f", such as [{', '.join(map(str, setting.example))}]"
    return "" if "{{" in str(setting.example) else f", such as {setting.example}"


def value_problems(name: str, value: t.Any, setting: Setting) -> Iterator[str]:
    """Yield one sentence for each problem with a value. The value may be anything that YAML can express."""
    wanted = f"{KINDS[setting.type]}{_such_as(setting)}"
    if value is None:
        note = ' (write "" for none)' if setting.empty and setting.type == "str" else ""
        yield f"{name} has no value: give {wanted}{note}"
    elif setting.type == "str":
        yield from _text(name, value, setting, wanted)
    elif setting.type == "int":
        yield from _number(name, value, wanted)
    elif setting.type == "bool":
        # "false" in quotes is true for Jinja.
        if not isinstance(value, bool):
            yield f"{name} is {'empty' if value == '' else _kind(value)}: give {KINDS['bool']}, without quotes"
    elif setting.type == "list":
        yield from _list(name, value, setting, wanted)
    else:
        yield from _dict(name, value, setting, wanted)


def _text(name: str, value: t.Any, setting: Setting, wanted: str) -> Iterator[str]:
    if not isinstance(value, str):
        scalar = not isinstance(value, (Mapping, list, tuple))
        if setting.format == "vlan_range" and isinstance(value, int) and not isinstance(value, bool):
            tags = ":".join(map(str, divmod(value, 60)))
            yield f"{name} is the number {value} (YAML reads {tags} as this number too): {FORMATS['vlan_range']('')}"
        else:
            yield f"{name} is {_kind(value)}: give {wanted}{' (in quotes)' if scalar else ''}"
    elif not value.strip():
        if value or not setting.empty:
            yield f"{name} is empty: give {wanted}"
    elif value != value.strip() or any(not character.isprintable() for character in value):
        yield f"{name} is {shown(value)}: remove leading and trailing whitespace, and unprintable characters"
    elif setting.choices and value not in setting.choices:
        yield f"{name} is {shown(value)}: {_meant(value, setting)}allowed values: {', '.join(setting.choices)}"
    elif setting.format and (problem := FORMATS[setting.format](value)):
        yield f"{name} is {shown(value)}: {problem}"


def _meant(value: str, setting: Setting) -> str:
    near = get_close_matches(value.strip().lower(), setting.choices, n=1)
    return f"did you mean {near[0]}? " if near else ""


def _number(name: str, value: t.Any, wanted: str) -> Iterator[str]:
    if isinstance(value, int) and not isinstance(value, bool):
        valid = value >= 1
    else:
        valid = isinstance(value, str) and bool(re.fullmatch(r"[1-9][0-9]*", value))
    if not valid:
        given = (
            "empty"
            if value == ""
            else shown(value)
            if isinstance(value, (str, int)) and not isinstance(value, bool)
            else _kind(value)
        )
        yield f"{name} is {given}: give {wanted}"


def _list(name: str, value: t.Any, setting: Setting, wanted: str) -> Iterator[str]:
    if not isinstance(value, (list, tuple)):
        yield f"{name} is {'empty' if value == '' else _kind(value)}: give {wanted}"
        return
    if not value and not setting.empty:
        yield f"{name} is empty: give {wanted}"
        return
    element = Setting(type=setting.elements, format=setting.format, choices=setting.choices)
    valid: list[str] = []
    for position, one in enumerate(value):
        problems = list(value_problems(f"{name}[{position}]", one, element))
        yield from problems
        if not problems and one in valid:
            yield f"{name} has {one} twice: remove one of them"
        valid += [one] if not problems else []
    missing = [one for one in setting.must_have if one not in valid]
    if missing and len(valid) == len(value):
        yield (
            f"{name} lacks {', '.join(missing)}: a cloud needs {', '.join(setting.must_have)}. Add the missing ones. To set up "
            "single services, use the roles in your own playbook, as their READMEs show"
        )


def _dict(name: str, value: t.Any, setting: Setting, wanted: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{name} is {'empty' if value == '' else _kind(value)}: give {wanted}"
        return
    for option, of in setting.options.items():
        if option not in value:
            yield f"{name} has no {option}: give {wanted}"
        else:
            yield from value_problems(f"{name}.{option}", value[option], of)
    unknown = [str(option) for option in value if option not in setting.options]
    if unknown:
        yield f"{name} has unknown keys ({', '.join(unknown)}): give {wanted}"
