# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets of a site: their names, their generation and their validation.

No message in this file shows a value or any part of one, not even its length.
"""

from __future__ import annotations

import difflib
import functools
import string
import typing as t
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.mikumo.openstack.plugins.module_utils._keystone_keys import KEY_SETS, keys_problem
from ansible_collections.mikumo.openstack.plugins.module_utils._secrets_file import (
    ALPHABET,
    AUTHORITY,
    SecretsFileError,
    new_value,
)
from ansible_collections.mikumo.openstack.plugins.plugin_utils._bus import ACCOUNTS
from ansible_collections.mikumo.openstack.plugins.plugin_utils._credentials import UNENCODED
from ansible_collections.mikumo.openstack.plugins.plugin_utils._lazy import lazily

_certificates = lazily("_certificates")

__all__ = [
    "SECRETS",
    "SecretsError",
    "different_secrets",
    "missing_secrets",
    "new_secrets",
    "problem",
    "unknown_secrets",
    "warnings",
]


class SecretsError(ValueError):
    """A call with invalid arguments."""


@dataclass(frozen=True)
class Kind:
    """The restrictions on a secret, besides printable ASCII."""

    what: str
    # With fewer characters, masking would hide parts of ordinary words in outputs.
    minimum: int = 8
    maximum: int = 128
    # The allowed lengths, if only some are allowed.
    lengths: tuple[int, ...] = ()
    # Appears verbatim in an oslo.config file, not in a URL.
    plain: bool = True
    # Allowed punctuation, if not all of ASCII's can be used.
    punctuation: str | None = None
    # The program that cannot handle other punctuation, and where.
    because: str = ""
    # Replaces all of these restrictions.
    check: Callable[[t.Any], str | None] | None = None

    @property
    def size(self) -> str:
        if self.lengths:
            *most, last = (str(length) for length in self.lengths)
            return f"{', '.join(most)} or {last} characters"
        return f"{self.minimum} to {self.maximum} characters"

    def fits(self, length: int) -> bool:
        return length in self.lengths if self.lengths else self.minimum <= length <= self.maximum


DATABASE = Kind("the password of a MariaDB account", plain=False)
# bcrypt uses at most 72 bytes, and Keystone is configured to refuse more.
KEYSTONE = Kind("the password of a Keystone account", maximum=72)
# oslo.messaging decodes its URL, and passes kombu another one with an unencoded slash.
BUS = Kind(
    "the password of a RabbitMQ account",
    plain=False,
    punctuation=(string.punctuation + " ").replace("/", ""),
    because="oslo.messaging cannot handle in the broker's URL",
)
ANY = Kind("a secret")

# Secrets that older sites have and nothing uses any more.
FORMER = frozenset({"rabbitmq"})


def _authority_problem(value: t.Any) -> str | None:
    return t.cast("str | None", _certificates.authority_problem(value))


SECRETS: dict[str, Kind] = {
    "cinder_database": DATABASE,
    "cinder_keystone": KEYSTONE,
    "demo": KEYSTONE,
    "glance_database": DATABASE,
    "glance_keystone": KEYSTONE,
    "heat_database": DATABASE,
    "heat_domain": KEYSTONE,
    # heat-engine does not start with any other length.
    "heat_encryption": Kind("the key with which Heat encrypts parameters", lengths=(16, 24, 32)),
    "heat_keystone": KEYSTONE,
    "keystone_admin": KEYSTONE,
    # keystone-manage db_sync fails if the URL contains percent-encoded characters.
    "keystone_database": Kind(
        DATABASE.what,
        plain=False,
        punctuation=UNENCODED,
        because="keystone-manage db_sync cannot handle in its database URL",
    ),
    "memcache": Kind("the encryption key for tokens in memcached"),
    "metadata": Kind("the secret that Nova and the metadata agent share"),
    "neutron_database": DATABASE,
    "neutron_keystone": KEYSTONE,
    "nova_database": DATABASE,
    "nova_keystone": KEYSTONE,
    "placement_database": DATABASE,
    "placement_keystone": KEYSTONE,
    **{account.secret: BUS for account in ACCOUNTS},
    **{name: Kind("Fernet keys of Keystone", check=functools.partial(keys_problem, name)) for name in KEY_SETS},
    AUTHORITY: Kind("the key and the certificate of the site's certificate authority", check=_authority_problem),
}


def _names(required: t.Any) -> list[str]:
    if isinstance(required, (str, Mapping)) or not isinstance(required, Sequence):
        raise SecretsError(f"expected a list of secret names, got {type(required).__name__}")
    for name in required:
        if not isinstance(name, str) or not name:
            raise SecretsError(f"{name!r} is not a secret name")
    return list(dict.fromkeys(required))


def _empty(value: t.Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def missing_secrets(given: t.Any, required: Sequence[str]) -> list[str]:
    """Return the names without a value, in the order of `required`."""
    if given is not None and not isinstance(given, Mapping):
        raise SecretsError(f"expected a dictionary of secrets, got {type(given).__name__}")
    return [name for name in _names(required) if _empty((given or {}).get(name))]


def new_secrets(required: Sequence[str]) -> dict[str, str]:
    """Return a random value for each name, as secrets_file does."""
    try:
        return {name: new_value(name) for name in _names(required)}
    except SecretsFileError as error:
        raise SecretsError(str(error)) from None


def problem(name: str, value: t.Any) -> str | None:
    """Explain why a value is invalid, without showing any of it. missing_secrets handles empty values."""
    kind = SECRETS.get(name, ANY)
    if _empty(value):
        return None
    if kind.check:
        return kind.check(value)
    if not isinstance(value, str):
        if isinstance(value, (Mapping, list, tuple, set)):
            return f"{name} is a {'dictionary' if isinstance(value, Mapping) else 'list'}: give one string, in single quotes"
        what = "a boolean" if isinstance(value, bool) else "a number" if isinstance(value, (int, float)) else "a date"
        return f"{name} is {what} in YAML, not a string: put it in single quotes"
    if any(char in value for char in "\n\r"):
        return f"{name} has more than one line: give one line, in single quotes"
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in value):
        return f"{name} has a control character, such as a tab: use printable characters"
    if not value.isascii():
        return (
            f"{name} has non-ASCII characters, which clients and servers encode differently: use ASCII letters, digits and "
            "punctuation"
        )
    if kind.plain and "\\$" in value:
        return f"{name} has a backslash directly before a dollar sign, which oslo.config cannot hold: change one of the two"
    if kind.punctuation is not None and not set(value) <= {*ALPHABET, *kind.punctuation}:
        return f"{name} has characters that {kind.because}: use letters, digits and {' '.join(kind.punctuation)}".rstrip()
    if not kind.fits(len(value)):
        return f"{name} has the wrong length: {kind.what} must have {kind.size}"
    return None


def warnings(name: str, value: t.Any) -> list[str]:
    """Return sentences about a value that is valid now, but will not stay so."""
    if name != AUTHORITY or _empty(value) or problem(name, value):
        return []
    return list(_certificates.certificate_problems(value))


def different_secrets(by_host: Mapping[str, t.Any]) -> list[str]:
    """Return hosts whose secrets, before templating, differ from those of the first host."""
    hosts = iter(by_host)
    first = next(hosts, "")
    problems = []
    for host in hosts:
        if by_host[host] == by_host[first]:
            continue
        sets = [by_host[one] if isinstance(by_host[one], Mapping) else {} for one in (first, host)]
        names = [str(name) for name in {**sets[0], **sets[1]} if sets[0].get(name) != sets[1].get(name)]
        where = f" in {', '.join(names)}" if names else ""
        problems.append(
            f"cloud_secrets differs between hosts {first} and {host}{where}: a site has one set of secrets, and Ansible does not "
            "merge dictionaries; set it once, in group_vars/all"
        )
    return problems


def unknown_secrets(given: Mapping[str, t.Any], required: Sequence[str]) -> list[str]:
    """Return misspelled names: unknown, and close to one that has no value."""
    absent = missing_secrets(given, required)
    problems = []
    for name in given:
        if name in required or name in FORMER:
            continue
        near = difflib.get_close_matches(str(name), absent, n=1, cutoff=0.75)
        if near:
            problems.append(f"{name} is unknown: did you mean {near[0]}, which has no value?")
    return problems
