# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The items of the checklists in the OpenStack Security Guide, judged from a node's files and the catalog.

The guide was written for Train. Where an option has moved or gone since then, the check looks at what took its place. An option
that is not set counts with OpenStack's default. No reason contains the value of a secret.
"""

from __future__ import annotations

import configparser
import ipaddress
import typing as t
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

__all__ = [
    "DASHBOARD_CONFIG",
    "DASHBOARD_SETTINGS",
    "FAIL",
    "ITEMS",
    "NOT_APPLICABLE",
    "PASS",
    "ChecksError",
    "Config",
    "Entry",
    "Item",
    "Node",
    "Verdict",
    "checked",
]

PASS, FAIL, NOT_APPLICABLE = "pass", "fail", "not applicable"
HAPROXY = "/etc/haproxy/haproxy.cfg"
# Default of oslo.middleware in bytes.
MAX_BODY = 114688
# What HAProxy calls the start of a section.
HAPROXY_SECTIONS = frozenset({"global", "defaults", "frontend", "backend", "listen", "userlist", "resolvers", "peers", "cache"})
# Part of the class names of Cinder's drivers that keep volumes as files on a NAS.
NAS_DRIVERS = ("nfs", "nas", "quobyte", "vzstorage")
TRUE = frozenset({"true", "1", "yes", "on"})
# The settings of Horizon that the items need: Django's and Horizon's own, and those in HORIZON_CONFIG.
DASHBOARD_SETTINGS = (
    "DISALLOW_IFRAME_EMBED",
    "CSRF_COOKIE_SECURE",
    "SESSION_COOKIE_SECURE",
    "SESSION_COOKIE_HTTPONLY",
    "ENFORCE_PASSWORD_CHECK",
    "SECURE_PROXY_SSL_HEADER",
)
DASHBOARD_CONFIG = ("password_autocomplete", "disable_password_reveal", "password_validator")
RUN_THE_ROLE = "run site.yml with the role {role}"


class ChecksError(Exception):
    """A file that is there but cannot be understood."""


@dataclass(frozen=True)
class Entry:
    """A file or directory. mode: only the permission bits."""

    owner: str
    group: str
    mode: int

    @property
    def who(self) -> str:
        return f"{self.owner}:{self.group}"


class Config:
    """A file of oslo.config."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self._parser = configparser.ConfigParser(
            # the syntax of oslo.config: no interpolation with %, options may repeat, DEFAULT is a section like the others
            interpolation=None,
            strict=False,
            allow_no_value=True,
            default_section="",
            comment_prefixes=("#", ";"),
        )
        try:
            self._parser.read_string(text, source=path)
        except configparser.Error as error:
            # The message of the exception may quote a line with a secret.
            raise ChecksError(f"{path} is not a file of oslo.config ({type(error).__name__})") from None

    @property
    def sections(self) -> list[str]:
        return self._parser.sections()

    def get(self, section: str, *options: str, default: str = "") -> str:
        """Return the first of the options that is set. The later ones are its deprecated names."""
        for option in options:
            value = self._parser.get(section, option, fallback=None)
            if value is not None:
                return value.strip()
        return default

    def true(self, section: str, *options: str, default: str = "false") -> bool:
        return self.get(section, *options, default=default).lower() in TRUE


@dataclass(frozen=True)
class Node:
    """What the checks see of a node.

    entry: owner, group and mode, or None if there is no such file. read: the content, or None.
    catalog: services with type and endpoints. dashboard: Horizon's settings by name, asked for only where they are needed.
    """

    roles: frozenset[str]
    entry: Callable[[str], Entry | None]
    read: Callable[[str], str | None]
    catalog: Sequence[Mapping[str, t.Any]] = ()
    dashboard: Callable[[], Mapping[str, t.Any]] = dict

    def config(self, path: str) -> Config | None:
        text = self.read(path)
        return None if text is None else Config(path, text)

    def configs(self, paths: Mapping[str, str]) -> list[Config]:
        """Return the configuration of each role that the node has."""
        found = []
        for role, path in paths.items():
            if role in self.roles:
                config = self.config(path)
                if config is None:
                    raise ChecksError(f"{path} does not exist; {RUN_THE_ROLE.format(role=role)}")
                found.append(config)
        return found

    def urls(self, *types: str) -> list[str]:
        """Return the endpoints of a service that has one of these types."""
        found = [url for one in self.catalog if one.get("type") in types for url in (one.get("endpoints") or {}).values()]
        return [url for url in dict.fromkeys(found) if url]


@dataclass(frozen=True)
class Verdict:
    outcome: str
    reason: str


Check = Callable[[Node], Verdict]


@dataclass(frozen=True)
class Item:
    """roles: the node has to have one of them. Without any, the item has the same verdict in every cloud."""

    id: str
    title: str
    roles: tuple[str, ...]
    check: Check


def _fail(found: str, expected: str, change: str) -> Verdict:
    return Verdict(FAIL, f"{found}; expected {expected}; to change it: {change}")


def _judged(problems: Iterable[str], expected: str, change: str, good: str) -> Verdict:
    listed = list(problems)
    return _fail(", ".join(listed), expected, change) if listed else Verdict(PASS, good)


# --- owners and permissions -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Files:
    """Configuration of a service. files: of each role, the first of which has to exist. owners: users beside root."""

    directory: str
    group: str
    files: Mapping[str, tuple[str, ...]]
    owners: tuple[str, ...] = ()

    def there(self, node: Node) -> Iterator[tuple[str, Entry]]:
        for role, names in self.files.items():
            if role not in node.roles:
                continue
            for number, name in enumerate(names):
                path = f"{self.directory}/{name}"
                entry = node.entry(path)
                if entry is None and number == 0:
                    raise ChecksError(f"{path} does not exist; {RUN_THE_ROLE.format(role=role)}")
                if entry is not None:
                    yield path, entry

    def owned(self, node: Node) -> Verdict:
        def wrong(entry: Entry, groups: Sequence[str]) -> bool:
            return entry.owner not in ("root", *self.owners) or entry.group not in groups

        # root:root is stricter than root:SERVICE. Rootwrap's own file is like that, because only root reads it.
        problems = {path: entry.who for path, entry in self.there(node) if wrong(entry, (self.group, "root"))}
        directory = node.entry(self.directory)
        if directory is not None and wrong(directory, (self.group,)):
            problems[self.directory] = directory.who
        return _judged(
            [f"{path} is {who}" for path, who in problems.items()],
            " or ".join(f"{owner}:{self.group}" for owner in ("root", *self.owners)),
            f"`chown root:{self.group} {' '.join(problems)}`, or site.yml where a role describes the file",
            f"{self.directory} and its files are owned by {' or '.join(('root', *self.owners))}, group {self.group}",
        )

    def strict(self, node: Node) -> Verdict:
        """The guide accepts 640, and any file in a directory that is closed to others. The group must not write either way."""
        directory = node.entry(self.directory)
        closed = directory is not None and not directory.mode & 0o027
        forbidden = 0o022 if closed else 0o037
        problems = {path: entry.mode for path, entry in self.there(node) if entry.mode & forbidden}
        return _judged(
            [f"{path} has the mode {mode:04o}" for path, mode in problems.items()],
            "no writing for the group" if closed else f"0640 or stricter, or 0750 for {self.directory}",
            f"`chmod 0640 {' '.join(problems)}`, or site.yml where a role describes the file",
            f"0640 or stricter, or in {self.directory}, which is closed to others",
        )


IDENTITY = Files(
    "/etc/keystone",
    "keystone",
    {
        "keystone": (
            "keystone.conf",
            "keystone-paste.ini",
            "policy.json",
            "policy.yaml",
            "logging.conf",
            "ssl/certs/signing_cert.pem",
            "ssl/private/signing_key.pem",
            "ssl/certs/ca.pem",
        )
    },
    # The guide wants keystone:keystone. With root:keystone, Keystone cannot change its own configuration.
    owners=("keystone",),
)
# Horizon runs as Debian's Apache.
HORIZON = Files(
    "/etc/openstack-dashboard",
    "www-data",
    {"horizon": ("local_settings.py", "local_settings.d/_9000_mikumo.py")},
)
COMPUTE = Files(
    "/etc/nova",
    "nova",
    {
        "nova": ("nova.conf", "api-paste.ini", "policy.json", "policy.yaml", "rootwrap.conf", "logging.conf"),
        "nova_compute": ("nova-compute.conf", "rootwrap.conf"),
    },
)
BLOCK = Files(
    "/etc/cinder",
    "cinder",
    {
        "cinder": ("cinder.conf", "api-paste.ini", "policy.json", "policy.yaml", "rootwrap.conf", "logging.conf"),
        "cinder_volume": ("cinder-volume.conf", "rootwrap.conf"),
    },
)
IMAGE = Files(
    "/etc/glance",
    "glance",
    {
        "glance": (
            "glance-api.conf",
            "glance-api-paste.ini",
            "glance-cache.conf",
            "glance-manage.conf",
            "glance-scrubber.conf",
            "glance-swift.conf",
            "glance-swift-store.conf",
            "policy.json",
            "policy.yaml",
            "schema-image.json",
            "schema.json",
        )
    },
)
# Agents do not read neutron.conf, which is the package's own where no API runs.
NETWORK = Files(
    "/etc/neutron",
    "neutron",
    {
        "neutron": (
            "neutron.conf",
            "plugins/ml2/ml2_conf.ini",
            "api-paste.ini",
            "policy.json",
            "policy.yaml",
            "rootwrap.conf",
        ),
        "neutron_agents": ("rootwrap.conf",),
        "neutron_agents_openvswitch": ("plugins/ml2/openvswitch_agent.ini",),
        "neutron_agents_l3": ("l3_agent.ini",),
        "neutron_agents_dhcp": ("dhcp_agent.ini",),
        "neutron_agents_metadata": ("metadata_agent.ini",),
    },
)


# --- options of oslo.config -------------------------------------------------------------------------------------------


def _auth_strategy(paths: Mapping[str, str], section: str, override: str) -> Check:
    def check(node: Node) -> Verdict:
        found = [(one.path, one.get(section, "auth_strategy", default="keystone")) for one in node.configs(paths)]
        return _judged(
            [f"{path} has [{section}] auth_strategy = {value}" for path, value in found if value != "keystone"],
            "keystone",
            f"[{section}] auth_strategy in {override}",
            f"[{section}] auth_strategy is keystone",
        )

    return check


def _insecure_logins(config: Config) -> Iterator[str]:
    """Yield what lets a password or a token travel unencrypted, or to a server that shows no valid certificate."""
    for section in config.sections:
        names = ("www_authenticate_uri", "auth_uri", "auth_url", "identity_uri")
        for name in names if section == "keystone_authtoken" else ("auth_url",):
            url = config.get(section, name)
            if url and not url.startswith("https://"):
                yield f"{config.path} has [{section}] {name} = {_bare(url)}"
        if config.true(section, "insecure"):
            yield f"{config.path} has [{section}] insecure = true"


def _bare(url: str) -> str:
    """Return the URL without a user and a password."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _keystone_over_tls(paths: Mapping[str, str], option: str) -> Check:
    def check(node: Node) -> Verdict:
        configs = node.configs(paths)
        return _judged(
            [problem for config in configs for problem in _insecure_logins(config)],
            "URLs of Keystone with https://, and insecure unset",
            f"cloud_keystone_url or {option}",
            "Keystone is asked through https:// only, and its certificate is verified",
        )

    return check


def _plain(urls: Iterable[str], what: str) -> list[str]:
    return [f"{what} {_bare(url)}" for url in urls if not url.startswith("https://")]


def _service_over_tls(node: Node, types: tuple[str, ...], what: str) -> list[str]:
    """Return the problems of a service that is found in the catalog."""
    urls = node.urls(*types)
    return _plain(urls, f"{what}'s endpoint is") if urls else [f"{what} has no endpoint in the catalog"]


def _body_size(paths: Mapping[str, str], option: str) -> Check:
    """Only the limit. Whether the middleware is in use depends on the service."""

    def check(node: Node) -> Verdict:
        problems = []
        for config in node.configs(paths):
            # Two deprecated names in another section.
            old = config.get("DEFAULT", "osapi_max_request_body_size", "max_request_body_size", default=str(MAX_BODY))
            value = config.get("oslo_middleware", "max_request_body_size", default=old)
            if not value.isdecimal() or not 0 < int(value) <= MAX_BODY:
                problems.append(f"{config.path} allows a body of {value} bytes")
        return _judged(
            problems,
            f"at most {MAX_BODY}",
            f"[oslo_middleware] max_request_body_size in {option}",
            f"at most {MAX_BODY} bytes, which oslo.middleware enforces",
        )

    return check


# --- HAProxy ----------------------------------------------------------------------------------------------------------


def _sections(text: str) -> dict[tuple[str, str], list[list[str]]]:
    """Return the lines of each section of HAProxy's configuration, split into words."""
    found: dict[tuple[str, str], list[list[str]]] = {}
    lines: list[list[str]] = []
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if words and words[0] in HAPROXY_SECTIONS and not line[:1].isspace():
            lines = found.setdefault((words[0], words[1] if len(words) > 1 else ""), [])
        elif words:
            lines.append(words)
    return found


def _on_loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _proxy_problems(node: Node, name: str) -> Iterator[str]:
    text = node.read(HAPROXY)
    sections = _sections(text) if text is not None else {}
    front = sections.get(("frontend", name))
    if front is None:
        yield f"{HAPROXY} has no frontend {name}"
        return
    for words in front:
        if words[0] == "bind" and "ssl" not in words[2:]:
            yield f"HAProxy listens on {words[1]} without TLS"
    backends = [words[1] for words in front if words[0] == "default_backend"]
    for words in (line for backend in backends for line in sections.get(("backend", backend), [])):
        if words[0] == "server" and "ssl" not in words[3:] and not _on_loopback(words[2]):
            yield f"HAProxy reaches {words[2]} without TLS"


def _api_over_tls(frontend: str, types: tuple[str, ...], what: str) -> Check:
    """The API itself speaks plain HTTP on loopback. HAProxy ends TLS in front of it."""

    def check(node: Node) -> Verdict:
        return _judged(
            [*_service_over_tls(node, types, what), *_proxy_problems(node, frontend)],
            "endpoints with https://, and HAProxy with TLS in front of an API on loopback",
            "cloud_public_name, or haproxy_frontends",
            "HAProxy ends TLS, and the API behind it listens on loopback",
        )

    return check


# --- single items -----------------------------------------------------------------------------------------------------

KEYSTONE_CONF = {"keystone": "/etc/keystone/keystone.conf"}
NOVA_CONF = {"nova": "/etc/nova/nova.conf", "nova_compute": "/etc/nova/nova-compute.conf"}
CINDER_CONF = {"cinder": "/etc/cinder/cinder.conf", "cinder_volume": "/etc/cinder/cinder-volume.conf"}
GLANCE_CONF = {"glance": "/etc/glance/glance-api.conf"}
NEUTRON_CONF = {"neutron": "/etc/neutron/neutron.conf"}


def _never(reason: str) -> Check:
    return lambda _node: Verdict(NOT_APPLICABLE, reason)


def _admin_token(node: Node) -> Verdict:
    (config,) = node.configs(KEYSTONE_CONF)
    problems = []
    if config.get("DEFAULT", "admin_token"):
        problems.append(f"{config.path} sets [DEFAULT] admin_token")
    if "admin_token_auth" in (node.read("/etc/keystone/keystone-paste.ini") or ""):
        problems.append("/etc/keystone/keystone-paste.ini has the filter admin_token_auth")
    return _judged(problems, "neither", "remove admin_token from keystone_config", "no admin_token is set")


def _insecure_debug(node: Node) -> Verdict:
    (config,) = node.configs(KEYSTONE_CONF)
    problems = [f"{config.path} has [DEFAULT] insecure_debug = true"] if config.true("DEFAULT", "insecure_debug") else []
    return _judged(problems, "false", "[DEFAULT] insecure_debug in keystone_config", "insecure_debug is false")


def _token_provider(node: Node) -> Verdict:
    (config,) = node.configs(KEYSTONE_CONF)
    provider = config.get("token", "provider", default="fernet")
    problems = [f"[token] provider is {provider}"] if provider != "fernet" else []
    return _judged(problems, "fernet", "[token] provider in keystone_config", "[token] provider is fernet")


def _nova_to_glance(node: Node) -> Verdict:
    problems = []
    configs = node.configs(NOVA_CONF)
    for config in configs:
        if config.true("glance", "insecure", "api_insecure"):
            problems.append(f"{config.path} has [glance] insecure = true")
        urls = config.get("glance", "endpoint_override") or config.get("glance", "api_servers")
        problems += _plain((url.strip() for url in urls.split(",") if url.strip()), f"{config.path} names Glance's")
    if any(not config.get("glance", "endpoint_override", "api_servers") for config in configs):
        problems += _service_over_tls(node, ("image",), "Glance")
    return _judged(
        problems,
        "https:// with a verified certificate",
        "[glance] in nova_config and nova_compute_config, or glance_internal_url",
        "Glance is reached through https://, and its certificate is verified",
    )


def _cinder_to_nova(node: Node) -> Verdict:
    configs = node.configs(CINDER_CONF)
    problems = [
        f"{one.path} has [{section}] {option} = true"
        for one in configs
        for section, option in (("nova", "insecure"), ("DEFAULT", "nova_api_insecure"))
        if one.true(section, option)
    ]
    return _judged(
        [*problems, *_service_over_tls(node, ("compute",), "Nova")],
        "https:// with a verified certificate",
        "[nova] insecure in cinder_config and cinder_volume_config, or nova_internal_url",
        "Nova is reached through https://, and its certificate is verified",
    )


def _cinder_to_glance(node: Node) -> Verdict:
    problems = []
    configs = node.configs(CINDER_CONF)
    for one in configs:
        if one.true("DEFAULT", "glance_api_insecure"):
            problems.append(f"{one.path} has [DEFAULT] glance_api_insecure = true")
        urls = one.get("DEFAULT", "glance_api_servers").split(",")
        problems += _plain((url.strip() for url in urls if url.strip()), f"{one.path} has glance_api_servers =")
    if any(not one.get("DEFAULT", "glance_api_servers") for one in configs):
        problems += _service_over_tls(node, ("image",), "Glance")
    return _judged(
        problems,
        "https:// with a verified certificate",
        "glance_api_insecure and glance_api_servers in cinder_config and cinder_volume_config",
        "Glance is reached through https://, and its certificate is verified",
    )


def _nas(node: Node) -> Verdict:
    problems, shares, others = [], [], []
    for config in node.configs({"cinder_volume": CINDER_CONF["cinder_volume"]}):
        for name in filter(None, (one.strip() for one in config.get("DEFAULT", "enabled_backends").split(","))):
            driver = config.get(name, "volume_driver")
            if not any(part in driver.rpartition(".")[2].lower() for part in NAS_DRIVERS):
                others.append(f"{name} is {driver or 'the default driver'}")
                continue
            shares.append(name)
            for option in ("nas_secure_file_permissions", "nas_secure_file_operations"):
                value = config.get(name, option, default=config.get("backend_defaults", option, default="auto"))
                if value.lower() not in ("auto", *TRUE):
                    problems.append(f"[{name}] has {option} = {value}")
    if not shares:
        return Verdict(NOT_APPLICABLE, f"no back end keeps volumes on a NAS: {', '.join(others) or 'none is enabled'}")
    return _judged(
        problems,
        "auto or true",
        "the section of the back end in cinder_volume_config",
        f"{', '.join(shares)} uses secure permissions and operations",
    )


def _cinder_body_size(node: Node) -> Verdict:
    paste = Config("/etc/cinder/api-paste.ini", node.read("/etc/cinder/api-paste.ini") or "")
    pipelines = [paste.get(section, "keystone") for section in paste.sections if section.startswith("composite:")]
    pipelines = [pipeline for pipeline in pipelines if pipeline]
    if not pipelines or any("sizelimit" not in pipeline.split() for pipeline in pipelines):
        return _fail(
            f"the pipeline keystone of {paste.path} has no sizelimit",
            "oslo.middleware's sizelimit in it",
            f"restore the package's {paste.path}",
        )
    return _body_size({"cinder": CINDER_CONF["cinder"]}, "cinder_config")(node)


def _encryption(node: Node) -> Verdict:
    if not node.urls("key-manager"):
        return Verdict(NOT_APPLICABLE, "volumes are encrypted with keys of a key manager, and the catalog has none (Barbican)")
    problems = []
    for config in node.configs(CINDER_CONF):
        backend = config.get("key_manager", "backend", "api_class", default="barbican")
        # Castellan's or Cinder's: one fixed key for all volumes, in the configuration.
        if backend.lower().endswith("confkeymanager"):
            problems.append(f"{config.path} has [key_manager] backend = {backend}")
    return _judged(
        problems,
        "barbican",
        "[key_manager] backend in cinder_config and cinder_volume_config",
        "Cinder keeps the keys of encrypted volumes in the key manager",
    )


def _image_auth(node: Node) -> Verdict:
    (config,) = node.configs(GLANCE_CONF)
    flavor = config.get("paste_deploy", "flavor")
    problems = [] if "keystone" in flavor.split("+") else [f"[paste_deploy] flavor is {flavor or 'not set'}"]
    return _judged(
        problems,
        "keystone, alone or with caching",
        "[paste_deploy] flavor in glance_config",
        f"[paste_deploy] flavor is {flavor}",
    )


# --- Horizon ----------------------------------------------------------------------------------------------------------

LOCAL_SETTINGS = "horizon_local_settings, which comes after the role's own settings"


def _setting(name: str, default: t.Any, good: Callable[[t.Any], bool], expected: str, change: str = LOCAL_SETTINGS) -> Check:
    """default: Django's or Horizon's, for a setting that is None because nothing sets it."""

    def check(node: Node) -> Verdict:
        value = node.dashboard().get(name)
        value = default if value is None else value
        return _judged([] if good(value) else [f"{name} is {value!r}"], expected, change, f"{name} is {value!r}")

    return check


def _must_be_true(name: str, default: bool) -> Check:
    return _setting(name, default, lambda value: value is True, "True")


def _password_regex(value: t.Any) -> bool:
    regex = value.get("regex", ".*") if isinstance(value, Mapping) else ".*"
    return regex not in ("", ".*", "^.*$")


KEYSTONE, DASHBOARD_ROLE, GLANCE, NEUTRON = ("keystone",), ("horizon",), ("glance",), ("neutron",)
NOVA, CINDER = ("nova", "nova_compute"), ("cinder", "cinder_volume")

ITEMS: tuple[Item, ...] = (
    Item("Check-Identity-01", "Keystone's configuration belongs to root or keystone", KEYSTONE, IDENTITY.owned),
    Item("Check-Identity-02", "Others cannot read Keystone's configuration", KEYSTONE, IDENTITY.strict),
    Item("Check-Identity-03", "Keystone's API has TLS", KEYSTONE, _api_over_tls("keystone", ("identity",), "Keystone")),
    Item("Check-Identity-04", "Strong hashes of PKI tokens", (), _never("obsolete: Keystone has had no PKI tokens since Ocata")),
    Item("Check-Identity-05", "Keystone limits the size of a request", KEYSTONE, _body_size(KEYSTONE_CONF, "keystone_config")),
    Item("Check-Identity-06", "Keystone has no admin token", KEYSTONE, _admin_token),
    Item("Check-Identity-07", "Keystone's answers have no details for debugging", KEYSTONE, _insecure_debug),
    Item("Check-Identity-08", "Keystone's tokens are Fernet tokens", KEYSTONE, _token_provider),
    Item("Check-Dashboard-01", "Horizon's settings belong to root", DASHBOARD_ROLE, HORIZON.owned),
    Item("Check-Dashboard-02", "Others cannot read Horizon's settings", DASHBOARD_ROLE, HORIZON.strict),
    Item(
        "Check-Dashboard-03",
        "Other sites cannot show Horizon in a frame",
        DASHBOARD_ROLE,
        _must_be_true("DISALLOW_IFRAME_EMBED", True),
    ),
    Item("Check-Dashboard-04", "The CSRF cookie needs TLS", DASHBOARD_ROLE, _must_be_true("CSRF_COOKIE_SECURE", False)),
    Item("Check-Dashboard-05", "The session cookie needs TLS", DASHBOARD_ROLE, _must_be_true("SESSION_COOKIE_SECURE", False)),
    Item(
        "Check-Dashboard-06",
        "Scripts cannot read the session cookie",
        DASHBOARD_ROLE,
        _must_be_true("SESSION_COOKIE_HTTPONLY", True),
    ),
    Item(
        "Check-Dashboard-07",
        "Browsers do not fill in the password",
        DASHBOARD_ROLE,
        _setting("password_autocomplete", "off", lambda value: value == "off", "'off'"),
    ),
    Item(
        "Check-Dashboard-08",
        "Horizon does not show a typed password",
        DASHBOARD_ROLE,
        _must_be_true("disable_password_reveal", False),
    ),
    Item(
        "Check-Dashboard-09",
        "Administrators confirm a change of a password with their own",
        DASHBOARD_ROLE,
        _must_be_true("ENFORCE_PASSWORD_CHECK", False),
    ),
    Item(
        "Check-Dashboard-10",
        "Horizon refuses weak passwords",
        DASHBOARD_ROLE,
        _setting("password_validator", {}, _password_regex, "a regex other than '.*'", "horizon_password_regex"),
    ),
    Item(
        "Check-Dashboard-11",
        "Horizon learns from the proxy that the browser has TLS",
        DASHBOARD_ROLE,
        _setting(
            "SECURE_PROXY_SSL_HEADER",
            (),
            lambda value: list(value) == ["HTTP_X_FORWARDED_PROTO", "https"],
            "('HTTP_X_FORWARDED_PROTO', 'https')",
            "horizon_url with https://",
        ),
    ),
    Item("Check-Compute-01", "Nova's configuration belongs to root", NOVA, COMPUTE.owned),
    Item("Check-Compute-02", "Others cannot read Nova's configuration", NOVA, COMPUTE.strict),
    Item(
        "Check-Compute-03",
        "Nova asks Keystone about its users",
        ("nova",),
        _auth_strategy({"nova": NOVA_CONF["nova"]}, "api", "nova_config"),
    ),
    Item("Check-Compute-04", "Nova asks Keystone through TLS", NOVA, _keystone_over_tls(NOVA_CONF, "nova_keystone_url")),
    Item("Check-Compute-05", "Nova asks Glance through TLS", NOVA, _nova_to_glance),
    Item("Check-Block-01", "Cinder's configuration belongs to root", CINDER, BLOCK.owned),
    Item("Check-Block-02", "Others cannot read Cinder's configuration", CINDER, BLOCK.strict),
    Item(
        "Check-Block-03",
        "Cinder asks Keystone about its users",
        ("cinder",),
        _auth_strategy({"cinder": CINDER_CONF["cinder"]}, "DEFAULT", "cinder_config"),
    ),
    Item("Check-Block-04", "Cinder asks Keystone through TLS", CINDER, _keystone_over_tls(CINDER_CONF, "cinder_keystone_url")),
    Item("Check-Block-05", "Cinder asks Nova through TLS", CINDER, _cinder_to_nova),
    Item("Check-Block-06", "Cinder asks Glance through TLS", CINDER, _cinder_to_glance),
    Item("Check-Block-07", "Volumes on a NAS are closed to others", ("cinder_volume",), _nas),
    Item("Check-Block-08", "Cinder limits the size of a request", ("cinder",), _cinder_body_size),
    Item("Check-Block-09", "Volumes can be encrypted", CINDER, _encryption),
    Item("Check-Image-01", "Glance's configuration belongs to root", GLANCE, IMAGE.owned),
    Item("Check-Image-02", "Others cannot read Glance's configuration", GLANCE, IMAGE.strict),
    Item("Check-Image-03", "Glance asks Keystone about its users", GLANCE, _image_auth),
    Item("Check-Image-04", "Glance asks Keystone through TLS", GLANCE, _keystone_over_tls(GLANCE_CONF, "glance_keystone_url")),
    Item(
        "Check-Image-05",
        "Users cannot scan ports with copy_from",
        (),
        _never("obsolete: copy_from belongs to version 1 of the API, which Glance has not had since Rocky"),
    ),
    Item("Check-Neutron-01", "Neutron's configuration belongs to root", ("neutron", "neutron_agents"), NETWORK.owned),
    Item("Check-Neutron-02", "Others cannot read Neutron's configuration", ("neutron", "neutron_agents"), NETWORK.strict),
    Item(
        "Check-Neutron-03",
        "Neutron asks Keystone about its users",
        NEUTRON,
        _auth_strategy(NEUTRON_CONF, "DEFAULT", "neutron_config"),
    ),
    Item(
        "Check-Neutron-04", "Neutron asks Keystone through TLS", NEUTRON, _keystone_over_tls(NEUTRON_CONF, "neutron_keystone_url")
    ),
    Item("Check-Neutron-05", "Neutron's API has TLS", NEUTRON, _api_over_tls("neutron-api", ("network",), "Neutron")),
)


def checked(node: Node) -> list[dict[str, str]]:
    """Return the outcome of each item that concerns the node's roles."""
    results = []
    for item in ITEMS:
        if not node.roles.intersection(item.roles):
            continue
        try:
            verdict = item.check(node)
        except ChecksError as error:
            verdict = Verdict(FAIL, str(error))
        results.append({"id": item.id, "title": item.title, "outcome": verdict.outcome, "reason": verdict.reason})
    return results
