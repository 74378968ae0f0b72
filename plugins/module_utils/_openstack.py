# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access to OpenStack's services: one session, one token, one policy for retries, one place for error messages.

Requests go through keystoneauth, the foundation of openstacksdk. Its session imports three times faster than the whole SDK,
which matters on small nodes. The SDK's own calls also hide things that matter here: granting a role ignores the response, which
makes a refusal look like success, and images come back with their properties spread over two places. The SDK itself is needed,
and imported, only to read a clouds.yaml. Importing this file imports neither of them. Check mode therefore works on a host
where they are not installed yet.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qs, urlsplit

Record = dict[str, Any]
Result = TypeVar("Result")

# Keystone sends this header if the password is right but the user also needs a second factor.
RECEIPT_HEADER = "Openstack-Auth-Receipt"


# Other statuses from 500 on, such as 501, mean that a retry is pointless.
TRANSIENT_STATUS = (500, 502, 503, 504)


class CloudError(Exception):
    """A failure with a message for the operator.

    kind is one of unreachable, timeout, tls, unauthorized, forbidden, missing, conflict, invalid, server, catalog,
    library, described, other.
    """

    TRANSIENT = frozenset({"unreachable", "timeout", "server"})

    def __init__(self, message: str, kind: str = "other") -> None:
        super().__init__(message)
        self.kind = kind

    @property
    def transient(self) -> bool:
        return self.kind in self.TRANSIENT


class Adapter(Protocol):
    """The part of keystoneauth1.adapter.Adapter in use. Raises keystoneauth's exceptions for statuses from 400 on."""

    def request(self, url: str, method: str, **kwargs: Any) -> Any: ...


@dataclass(frozen=True)
class Access:
    """The modules' options for access to a cloud."""

    auth: Mapping[str, Any] | None = None
    cloud: str | None = None
    region_name: str | None = None
    interface: str = "internal"
    ca_cert: str | None = None
    timeout: float = 60
    api_timeout: float = 60
    # False in check mode: on an empty host, nothing is going to start the service.
    patient: bool = True

    @classmethod
    def from_options(cls, options: Mapping[str, Any], check: bool) -> Access:
        names = ("auth", "cloud", "region_name", "interface", "ca_cert", "timeout", "api_timeout")
        return cls(patient=not check, **{name: options[name] for name in names})


class Api:
    """One service's REST API, with retries where they are safe and with readable errors.

    Reading, updating and deleting may be retried. Creating may not: Keystone accepts identical services or endpoints, and a
    retry after a lost response would create a duplicate.
    """

    def __init__(
        self,
        adapter: Adapter,
        service: str,
        url: str,
        who: str,
        *,
        timeout: float = 60,
        patient: bool = True,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.adapter = adapter
        self.service = service
        self.url = url
        self.who = who
        self._timeout = timeout
        self._patient = patient
        self._sleep = sleep
        self._clock = clock

    def list(self, path: str, key: str, what: str, **params: Any) -> list[Record]:
        """Return the records of all pages."""
        found: list[Record] = []
        while True:
            answer = self.request("GET", path, f"list {what}", params=params).json()
            found.extend(answer[key])
            following = answer.get("next") or (answer.get("links") or {}).get("next")
            marker = parse_qs(urlsplit(following or "").query).get("marker")
            if not marker:
                return found
            params = {**params, "marker": marker[0]}

    def get(self, path: str, what: str) -> Record:
        record: Record = self.request("GET", path, f"read {what}").json()
        return record

    def create(self, path: str, key: str | None, body: Mapping[str, Any], what: str) -> Record:
        answer = self.request("POST", path, f"create {what}", safe=False, json={key: body} if key else body).json()
        record: Record = answer[key] if key else answer
        return record

    def update(self, path: str, key: str, body: Mapping[str, Any], what: str) -> Record:
        answer = self.request("PATCH", path, f"update {what}", json={key: body}).json()
        record: Record = answer[key]
        return record

    def put(self, path: str, what: str) -> None:
        self.request("PUT", path, what)

    def delete(self, path: str, what: str) -> None:
        """Delete an object. A missing object counts as deleted: the response to an earlier attempt may have been lost."""
        try:
            self.request("DELETE", path, f"delete {what}")
        except CloudError as error:
            if error.kind != "missing":
                raise

    def request(self, method: str, path: str, what: str, safe: bool = True, **kwargs: Any) -> Any:
        return self.attempt(lambda: self.adapter.request(path, method, **kwargs), what, safe)

    def attempt(self, call: Callable[[], Result], what: str, safe: bool = True) -> Result:
        start, delay = self._clock(), 0.5
        while True:
            try:
                return call()
            except Exception as exception:
                error = explain(exception, what, self.service, self.url, self.who)
                waited = self._clock() - start
                tired = waited + delay > self._timeout or (error.kind == "unreachable" and not self._patient)
                if tired or not safe or not error.transient:
                    if waited >= 1 and error.transient:
                        error = CloudError(f"{error} Tried for {waited:.0f} seconds.", error.kind)
                    raise error from exception
            self._sleep(delay)
            delay = min(delay * 1.5, 3)


class Nothing(Api):
    """The API of a service that does not exist yet. Check mode uses it to predict the objects that a first run creates."""

    def __init__(self) -> None:
        super().__init__(_Nowhere(), "nothing", "", "", timeout=0, patient=False)

    def list(self, path: str, key: str, what: str, **params: Any) -> list[Record]:  # noqa: ARG002
        return []


class _Nowhere:
    def request(self, url: str, method: str, **kwargs: Any) -> Any:  # noqa: ARG002
        raise CloudError(f"{method} {url} was sent to a service that does not exist. This is a bug in the module.")


def _ask_directly(session: Any) -> None:
    """Ignore proxies from the environment: a proxy to the internet cannot reach a cloud's own addresses."""
    session.session.trust_env = False
    # Still honor this part of the environment.
    if session.verify is True:
        session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True


class Cloud:
    """A session with its token, and the services' APIs."""

    def __init__(self, access: Access) -> None:
        self._access = access
        # On nodes with OpenStack's services, keystoneauth would import osprofiler, and eventlet with it. That costs a second
        # of CPU time for unused traces.
        sys.modules.setdefault("osprofiler", None)  # type: ignore[arg-type]
        try:
            sessions: Any = import_module("keystoneauth1.session")
            v3: Any = import_module("keystoneauth1.identity.v3")
        except ImportError as error:
            raise CloudError(
                f"The Python library keystoneauth1 cannot be imported: {error}. Install openstacksdk for the "
                "interpreter that Ansible uses on this host (Debian: python3-openstacksdk).",
                "library",
            ) from error
        self._session: Any
        if access.auth is not None:
            auth = {key: value for key, value in access.auth.items() if value is not None}
            self.auth_url = versioned(auth.pop("auth_url"), "v3")
            self._username, self._domain = auth.get("username", ""), auth.get("user_domain_name", "")
            self._password = auth.get("password")
            project = auth.get("project_name", "")
            # The explicit version saves a discovery request.
            self._session = sessions.Session(
                auth=v3.Password(auth_url=self.auth_url, **auth),
                verify=access.ca_cert or True,
                timeout=access.api_timeout,
            )
        else:
            settings = self._from_clouds_yaml(access)
            credentials = settings.config.get("auth") or {}
            self.auth_url = versioned(credentials.get("auth_url", ""), "v3")
            self._username = credentials.get("username", "")
            self._domain = credentials.get("user_domain_name", "")
            self._password = credentials.get("password")
            project = credentials.get("project_name", "")
            self._session = settings.get_session()
            self._session.timeout = access.api_timeout
        _ask_directly(self._session)
        # Debian's uWSGI closes each connection without announcing it. A request on a connection that is about to close gets
        # lost. If it creates something, it must not be retried.
        self._session.additional_headers["Connection"] = "close"
        self.who = f"user {self._username!r} of domain {self._domain!r}, project {project!r}"

    @staticmethod
    def _from_clouds_yaml(access: Access) -> Any:
        try:
            config: Any = import_module("openstack.config")
            exceptions: Any = import_module("openstack.exceptions")
        except ImportError as error:
            raise CloudError(
                f"The Python library openstacksdk, which reads clouds.yaml, cannot be imported: {error}. "
                "Install it (Debian: python3-openstacksdk), or use the option auth.",
                "library",
            ) from error
        options: dict[str, Any] = {}
        if access.region_name:
            options["region_name"] = access.region_name
        if access.ca_cert:
            options["cacert"] = access.ca_cert
        try:
            return config.OpenStackConfig().get_one(cloud=access.cloud, **options)
        except exceptions.SDKException as error:
            raise CloudError(
                f"clouds.yaml has no usable entry {access.cloud!r}: {error} The module looks for this file in the "
                "current directory, ~/.config/openstack and /etc/openstack on the host that it runs on.",
                "described",
            ) from error

    def _api(self, service: str, url: str) -> Api:
        adapters: Any = import_module("keystoneauth1.adapter")
        # Api handles 5xx responses and lost connections: keystoneauth would also retry a POST.
        through: Adapter = adapters.Adapter(self._session, endpoint_override=url, connect_retries=0)
        return Api(through, service, url, self.who, timeout=self._access.timeout, patient=self._access.patient)

    def identity(self) -> Api:
        """Return Keystone's API at the URL that issues the tokens. Keystone's URL in the catalog may be wrong."""
        api = self._api("Keystone", self.auth_url)
        # This also waits for Keystone.
        api.attempt(self._session.get_token, f"get a token for {self.who}")
        return api

    def image(self) -> Api:
        return self.service("image", "Glance", "v2")

    def service(self, service_type: str, name: str, version: str = "") -> Api:
        """Return the API of a service at its URL in the catalog. Appends version if the URL lacks it."""
        identity = self.identity()
        url = identity.attempt(
            lambda: self._token(identity).service_catalog.url_for(
                service_type=service_type, interface=self._access.interface, region_name=self._access.region_name
            ),
            f"find the {self._access.interface} endpoint of the {service_type} service"
            + (f" in region {self._access.region_name!r}" if self._access.region_name else ""),
        )
        return self._api(name, versioned(url, version) if version else url.rstrip("/"))

    def service_types(self) -> list[str]:
        """Return the types of the services that have an endpoint in the catalog."""
        catalog = self._token(self.identity()).service_catalog
        found = catalog.get_endpoints(interface=self._access.interface, region_name=self._access.region_name)
        return sorted(name for name, endpoints in found.items() if endpoints)

    def interfaces(self, service_type: str) -> set[str]:
        """Return the interfaces of the service's endpoints in the catalog and the region."""
        catalog = self._token(self.identity()).service_catalog
        found = catalog.get_endpoints(service_type=service_type, region_name=self._access.region_name)
        return {endpoint["interface"] for endpoints in found.values() for endpoint in endpoints}

    def _token(self, identity: Api) -> Any:
        return identity.attempt(lambda: self._session.auth.get_access(self._session), "read the catalog")

    def user_id(self) -> str:
        """Return the ID of the authenticated user."""
        return str(self._session.get_user_id())

    def project_id(self) -> str | None:
        project: str | None = self._session.get_project_id()
        return project

    def accepts(self, identity: Api, user_id: str, name: str, password: str) -> bool:
        """Return whether the user can authenticate with the password. Takes one request, without scope and catalog."""
        if user_id == self.user_id() and password == self._password:
            return True
        return accepts(identity, user_id, name, password)


def accepts(identity: Api, user_id: str, name: str, password: str) -> bool:
    body = {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": {"id": user_id, "password": password}}},
            "scope": "unscoped",
        }
    }

    def ask() -> Any:
        answer = identity.adapter.request(
            "/auth/tokens?nocatalog", "POST", json=body, authenticated=False, raise_exc=False, log=False
        )
        if answer.status_code >= 400 and answer.status_code != 401:
            raise CloudError(
                f"Keystone at {identity.url} answers {answer.status_code} to the password check of user {name}. "
                "See Keystone's log.",
                "server" if answer.status_code in TRANSIENT_STATUS else "invalid",
            )
        return answer

    # Unlike other requests that create something, this one may be retried: it only creates a token.
    answer = identity.attempt(ask, f"check the password of user {name}")
    return answer.status_code != 401 or RECEIPT_HEADER in answer.headers


def versioned(url: str, version: str) -> str:
    """Return the URL with the API's version at its end. Appends the version if necessary."""
    url = url.rstrip("/")
    return url if url.endswith(f"/{version}") else f"{url}/{version}"


def explain(exception: Exception, what: str, service: str, url: str, who: str) -> CloudError:  # noqa: PLR0912
    """Convert the libraries' exceptions to messages. This is the only place that does so.

    what: the rest of a sentence that begins with "Cannot", including the object.
    """
    if isinstance(exception, CloudError):
        return exception
    exceptions: Any = import_module("keystoneauth1.exceptions")
    status = getattr(exception, "http_status", None)
    said = _said(exception)
    cannot = f"Cannot {what}:"
    if isinstance(exception, exceptions.SSLError):
        return CloudError(
            f"{cannot} the TLS certificate of {service} at {url} cannot be verified: {_said(_root(exception))} "
            "Set ca_cert to the certificate file of its CA, and check that the certificate is issued for the host in the URL.",
            "tls",
        )
    if isinstance(exception, exceptions.ConnectTimeout) and "Read" in type(exception.__context__).__name__:
        return CloudError(
            f"{cannot} {service} at {url} accepted the request, but did not answer in time. "
            "Check its log and the log of its database, or raise timeout.",
            "timeout",
        )
    if isinstance(exception, exceptions.ConnectFailure) and isinstance(_root(exception), ConnectionResetError):
        return CloudError(
            f"{cannot} {service} at {url} closed the connection without an answer, perhaps in a restart or crash. See its log.",
            "server",
        )
    if isinstance(exception, (exceptions.ConnectFailure, exceptions.ConnectTimeout)):
        return CloudError(
            f"{cannot} {service} is expected at {url}, but nothing answers there: {_said(_root(exception))} "
            "Check that the service is running, and check host, port and firewall.",
            "unreachable",
        )
    if isinstance(exception, (exceptions.EndpointNotFound, exceptions.EmptyCatalog)):
        return CloudError(
            f"{cannot} Keystone's catalog has no such endpoint for {who}: {said} "
            "Create it with mikumo.openstack.catalog, or correct region_name or interface.",
            "catalog",
        )
    if isinstance(exception, exceptions.Unauthorized) or status == 401:
        return CloudError(
            f"{cannot} {service} at {url} rejects {who} (401): {said} Check user name, password, domains and project "
            "in auth. To reset a lost administrator password, run keystone-manage bootstrap.",
            "unauthorized",
        )
    if status == 403:
        return CloudError(
            f"{cannot} {service} at {url} denies this to {who} (403): {said} It requires the role admin. If the object is "
            "protected or immutable, remove that protection first.",
            "forbidden",
        )
    if status == 404:
        return CloudError(
            f"{cannot} {service} at {url} cannot find it (404): {said} Either it was removed in the meantime, or the "
            f"service at this URL is not {service}.",
            "missing",
        )
    if status == 409:
        return CloudError(
            f"{cannot} it conflicts with an existing object (409): {said} Name comparisons often ignore case, and the object "
            "may be in use.",
            "conflict",
        )
    if status in TRANSIENT_STATUS:
        return CloudError(f"{cannot} {service} at {url} fails ({status}): {said} See its log.", "server")
    if isinstance(status, int):
        return CloudError(f"{cannot} {service} at {url} rejects the request ({status}): {said}", "invalid")
    if isinstance(exception, OSError) and "CA certificate" in str(exception):
        return CloudError(f"{cannot} {said} ca_cert must name an existing file on this host.", "tls")
    if isinstance(exception, exceptions.ClientException):
        return CloudError(f"{cannot} {service} at {url}: {said}", "other")
    # A bug in the code, not a library's failure. The traceback is more useful than a message.
    raise exception


def _root(exception: BaseException) -> BaseException:
    """Return the original exception: a refused connection is wrapped four times, with a message of as many lines."""
    while exception.__context__ is not None:
        exception = exception.__context__
    return exception


def _said(exception: BaseException) -> str:
    """Return the message of the service or the library as a sentence."""
    message = str(getattr(exception, "message", None) or exception).strip()
    message = message.split(" (HTTP ", maxsplit=1)[0]
    return message if message.endswith((".", "!", "?")) else f"{message}."
