# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every password that preflight lets through comes back from what is written, as the software itself reads it."""

from __future__ import annotations

import configparser
import json
import string
import urllib.parse
from pathlib import Path

import pytest
import sqlalchemy
import yaml
from ansible.errors import AnsibleFilterError
from kombu.utils.url import parse_url
from oslo_config import cfg
from oslo_messaging import transport
from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql

from ansible_collections.mikumo.openstack.plugins.filter import database_url as database_filter
from ansible_collections.mikumo.openstack.plugins.filter import oslo_literal as literal_filter
from ansible_collections.mikumo.openstack.plugins.filter import transport_url as transport_filter
from ansible_collections.mikumo.openstack.plugins.filter.service_sections import service_sections
from ansible_collections.mikumo.openstack.plugins.module_utils._config_files import mask, mask_pair
from ansible_collections.mikumo.openstack.plugins.module_utils._database import configured_connection
from ansible_collections.mikumo.openstack.plugins.plugin_utils._credentials import (
    UNENCODED,
    CredentialsError,
    database_url,
    literal,
    transport_url,
)
from ansible_collections.mikumo.openstack.plugins.plugin_utils._oslo_config import render
from ansible_collections.mikumo.openstack.plugins.plugin_utils._secrets import SECRETS, problem

ORDINARY = "abcdefgh"
# Every punctuation of ASCII at the beginning, in the middle, at the end, doubled; and what is special as a pair.
PASSWORDS = sorted(
    {f"{mark}{ORDINARY}" for mark in string.punctuation + " "}
    | {f"abcd{mark}efgh" for mark in string.punctuation + " "}
    | {f"{ORDINARY}{mark}" for mark in string.punctuation + " "}
    | {f"{mark}{mark}{ORDINARY}{mark}" for mark in string.punctuation + " "}
    | {
        "a/b@c:d#e?f%g h",
        "$username$$x${password}",
        "100%41%%(x)s",
        "'single' and \"double\"",
        "key = value ; # comment",
        "[section]x",
        "{{ x }}{% y %}",
        "ends with backslash\\",
        "\"'\"'\"'\"'",
        "~!*();&=+,-._",
        "00000000",
        "null    ",
        string.punctuation,
    }
)
USABLE = [password for password in PASSWORDS if problem("nova_database", password) is None]
PLAIN = [password for password in PASSWORDS if problem("metadata", password) is None]


def read(directory: Path, sections: dict[str, dict[str, object]]) -> cfg.ConfigOpts:
    """The configuration as a service has it."""
    path = directory / "service.conf"
    path.write_text(render(sections))
    conf = cfg.ConfigOpts()
    conf.register_opts([cfg.StrOpt("connection")], group="database")
    conf.register_opts([*transport._transport_opts, cfg.StrOpt("my_ip")])
    conf.register_opts(
        [cfg.StrOpt("password"), cfg.StrOpt("username"), cfg.StrOpt("memcache_secret_key")], group="keystone_authtoken"
    )
    conf(["--config-file", str(path)], project="service")
    return conf


def surroundings(password: str) -> dict[str, object]:
    return {
        "keystone_url": "http://k:5000/v3",
        "region": "R",
        "username": "glance",
        "password": password,
        "memcached_servers": ["m:11211"],
        "memcache_secret": password,
    }


def test_nearly_everything_is_usable() -> None:
    assert set(PASSWORDS) - set(USABLE) == set()
    assert {password for password in PASSWORDS if password not in PLAIN} == {
        password for password in PASSWORDS if "\\$" in password
    }


@pytest.mark.parametrize("password", USABLE)
def test_urls_give_the_password_back(password: str, tmp_path: Path) -> None:
    conf = read(
        tmp_path,
        service_sections(
            {
                "database_url": database_url(password, "glance", "2001:db8::1"),
                "transport_url": transport_url(password, "openstack", "10.0.0.11"),
            }
        ),
    )
    found = sqlalchemy.make_url(conf.database.connection)
    assert (found.username, found.password, found.host, found.database) == ("glance", password, "2001:db8::1", "glance")
    # pymysql encodes it as latin1, MariaDB's accounts get it as UTF-8.
    assert password.encode("latin1") == password.encode()
    ours = configured_connection(str(tmp_path / "service.conf"), "database", "connection").arguments()
    assert (ours["user"], ours["password"], ours["host"]) == ("glance", password, "2001:db8::1")
    [host] = transport.TransportURL.parse(conf).hosts
    assert (host.username, host.password, host.hostname, host.port) == ("openstack", password, "10.0.0.11", 5671)


@pytest.mark.parametrize("password", PLAIN)
def test_options_give_the_password_back(password: str, tmp_path: Path) -> None:
    conf = read(tmp_path, service_sections(surroundings(password)))
    assert conf.keystone_authtoken.password == password
    assert conf.keystone_authtoken.memcache_secret_key == password


def test_references_of_users_stay_references(tmp_path: Path) -> None:
    sections = service_sections(surroundings("$my_ip---"))
    sections["DEFAULT"] |= {"my_ip": "10.0.0.11", "transport_url": "rabbit://$my_ip/"}
    conf = read(tmp_path, sections)
    assert conf.transport_url == "rabbit://10.0.0.11/"
    assert conf.keystone_authtoken.password == "$my_ip---"


def test_keystones_own_database_needs_no_percent() -> None:
    """keystone-manage db_sync hands its URL to configparser like this."""
    password = f"abcdefgh{UNENCODED}"
    assert problem("keystone_database", password) is None
    parser = configparser.ConfigParser()
    parser.add_section("alembic")
    parser.set("alembic", "sqlalchemy.url", database_url(password, "keystone", "10.0.0.11"))
    assert sqlalchemy.make_url(parser.get("alembic", "sqlalchemy.url")).password == password
    for mark in sorted(set(string.punctuation + " ") - set(UNENCODED)):
        assert "keystone-manage db_sync" in (problem("keystone_database", f"abcd{mark}efgh") or "")


@pytest.mark.parametrize(
    ("arguments", "url"),
    [
        (("p w", "nova", "db"), "mysql+pymysql://nova:p%20w@db/nova?charset=utf8"),
        (("pw", "nova", "db", "nova_api", 3306), "mysql+pymysql://nova:pw@db:3306/nova_api?charset=utf8"),
        (("pw", "na:me@x", "db:3307", "a/b"), "mysql+pymysql://na%3Ame%40x:pw@db:3307/a%2Fb?charset=utf8"),
        (("pw", "nova", "::1", None, 3306), "mysql+pymysql://nova:pw@[::1]:3306/nova?charset=utf8"),
    ],
)
def test_database_url(arguments: tuple[object, ...], url: str) -> None:
    assert database_filter.FilterModule().filters()["database_url"](*arguments) == url


@pytest.mark.parametrize(("ca_file", "end"), [("/t/ca.pem", "charset=utf8&ssl_ca=/t/ca.pem"), ("", "charset=utf8")])
def test_database_url_names_the_authorities(ca_file: str, end: str) -> None:
    assert database_filter.database_url("pw", "nova", "db", ca_file=ca_file) == f"mysql+pymysql://nova:pw@db/nova?{end}"


def test_drivers_verify_with_the_authorities_of_the_url(tmp_path: Path) -> None:
    url = database_url("p w", "glance", "10.0.0.11", ca_file="/t/ca.pem")
    _, arguments = MySQLDialect_pymysql().create_connect_args(sqlalchemy.make_url(url))
    assert arguments["ssl"] == {"ca": "/t/ca.pem"}
    read(tmp_path, service_sections({"database_url": url}))
    ours = configured_connection(str(tmp_path / "service.conf"), "database", "connection").arguments()
    assert (ours["ssl"], ours["database"]) == ({"ca": "/t/ca.pem"}, "glance")


@pytest.mark.parametrize(
    ("arguments", "url"),
    [
        (("a,b/", "openstack", "mq"), "rabbit://openstack:a%2Cb%2F@mq:5671/"),
        (("pw", "openstack", "fd00::1", 5671), "rabbit://openstack:pw@[fd00::1]:5671/"),
    ],
)
def test_transport_url(arguments: tuple[object, ...], url: str) -> None:
    assert transport_filter.FilterModule().filters()["transport_url"](*arguments) == url


@pytest.mark.parametrize("value", [12345678, True, ["list"], {"a": "dict"}, b"bytes"])
def test_what_is_no_text_is_refused(value: object) -> None:
    for call in (
        lambda: database_filter.database_url(value, "u", "h"),
        lambda: transport_filter.transport_url(value, "u", "h"),
        lambda: literal_filter.oslo_literal(value),
    ):
        with pytest.raises(AnsibleFilterError, match="not a string") as error:
            call()
        assert str(value) not in str(error.value)


@pytest.mark.parametrize("value", ["two\nlines-secret", "two\rlines-secret", "secret\\$word"])
def test_what_oslo_config_cannot_hold_is_refused(value: str) -> None:
    with pytest.raises(CredentialsError) as error:
        literal(value)
    assert "secret" not in str(error.value)
    with pytest.raises(AnsibleFilterError):
        literal_filter.oslo_literal(value)


@pytest.mark.parametrize("password", PLAIN)
def test_no_form_of_a_secret_is_shown(password: str) -> None:
    forms = [
        f"x {database_url(password, 'u', 'h')}",
        f"x {transport_url(password, 'u', 'h')}",
        f"x {literal(password)} y",
        f"x {json.dumps(password)} y",
        f"x {yaml.safe_dump({'x': password}, width=999).strip()} y",
        f"x {password} y",
    ]
    core = password.strip()
    # The role may know it from a URL only.
    for secret in (password, transport_url(password, "", "h").split(":")[2].split("@")[0]):
        for text in forms:
            assert core not in mask(text, [secret]), text
            assert core not in "".join(mask_pair(text, text + "2", [secret])), text


def test_a_percent_in_a_secret_masks_no_single_letters() -> None:
    assert mask("A word", ["%41"]) == "A word"


# What is refused, and the word of the message. Nothing of the value is in it.
REFUSED = {
    "number": ("nova_rabbitmq", 12345678, "a number"),
    "fraction": ("nova_rabbitmq", 1234.5678, "a number"),
    "boolean": ("nova_rabbitmq", True, "a boolean"),
    "list": ("nova_rabbitmq", ["longsecret"], "a list"),
    "dictionary": ("nova_rabbitmq", {"longsecret": "x"}, "a dictionary"),
    "two lines": ("nova_rabbitmq", "longsecret\nmore", "more than one line"),
    "carriage return": ("nova_rabbitmq", "longsecret\r", "more than one line"),
    "tab": ("nova_rabbitmq", "longsecret\tx", "control character"),
    "null byte": ("nova_rabbitmq", "longsecret\0", "control character"),
    "delete": ("nova_rabbitmq", "longsecret\x7f", "control character"),
    "umlaut": ("demo", "längsecret", "non-ASCII"),
    "Japanese": ("demo", "三雲三雲三雲三雲", "non-ASCII"),
    "blank that is none": ("demo", "long\u00a0secret", "non-ASCII"),
    "backslash and dollar": ("nova_keystone", "longsecret\\$x", "backslash"),
    "short": ("demo", "q7", "8 to 72 characters"),
    "more than bcrypt takes": ("nova_keystone", "q" * 73, "8 to 72 characters"),
    "very long": ("nova_rabbitmq", "q" * 129, "8 to 128 characters"),
    "key of another length": ("heat_encryption", "q" * 31, "16, 24 or 32 characters"),
    "certificate authority of another type": ("tls_ca", 12345678, "not a PEM text"),
    "certificate authority in a list": ("tls_ca", ["longsecret"], "not a PEM text"),
    "certificate authority that is a password": ("tls_ca", "longsecret", "not a PEM text"),
    "unknown to us": ("something_else", 5, "a number"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_by_name(case: str) -> None:
    name, value, words = REFUSED[case]
    told = problem(name, value)
    assert told
    assert told.startswith(f"{name} ")
    assert words in told
    assert str(value) not in told
    assert not any(part in told for part in ("longsecret", "secret\\", "qq", "q7"))


@pytest.mark.parametrize("password", PASSWORDS)
def test_brokers_password_survives_the_second_url(password: str) -> None:
    """oslo.messaging parses its URL, and makes another one for kombu like this. There a slash ends the name of the host."""
    url = f"amqp://openstack:{urllib.parse.quote(password)}@10.0.0.11:5671//"
    try:
        arrived = parse_url(url)["password"] == password
    except ValueError:
        arrived = False
    assert arrived == (problem("nova_rabbitmq", password) is None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("nova_rabbitmq", None),
        ("nova_rabbitmq", " "),
        ("heat_encryption", "q" * 16),
        ("heat_encryption", "q" * 24),
        ("heat_encryption", "q" * 32),
        ("nova_keystone", "q" * 72),
        ("nova_rabbitmq", "q\\$234567"),
        ("nova_rabbitmq", "q" * 128),
        ("tls_ca", ""),
    ],
)
def test_not_refused(name: str, value: object) -> None:
    assert problem(name, value) is None


def test_secrets_of_a_site_are_the_described_ones() -> None:
    defaults = yaml.safe_load((Path(__file__).resolve().parents[2] / "roles/secrets/defaults/main.yml").read_text())
    assert defaults["secrets_names"] == sorted(SECRETS)
