# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A web server on a port of this machine, as good and as bad as those that images come from."""

from __future__ import annotations

import contextlib
import functools
import http.server
import threading
from collections.abc import Iterator
from typing import Any


class Web(http.server.BaseHTTPRequestHandler):
    """Serves data; can break off, fail a few times, redirect, and change the file."""

    def do_GET(self) -> None:
        site = self.server.site  # type: ignore[attr-defined]
        site["paths"].append(self.path)
        if site["fail"]:
            status, *headers = site["fail"].pop(0) if isinstance(site["fail"][0], tuple) else (site["fail"].pop(0),)
            if status == "reset":
                return
            self.send_response(status)
            for name, value in [*headers, ("Content-Length", "0")]:
                self.send_header(name, value)
            self.end_headers()
            return
        data = site["data"]
        self.send_response(200)
        self.send_header("Content-Length", str(len(data) + site["claims"]))
        for name, value in site["headers"].items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data[: site["cut"]] if site["cut"] else data)
        if site["next"]:
            site.update(site["next"].pop(0))

    def log_message(self, *_arguments: Any) -> None:
        pass


@contextlib.contextmanager
def serving(**settings: Any) -> Iterator[dict[str, Any]]:
    """The settings of a server that runs meanwhile. They may be changed, and say what was asked for."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    site: dict[str, Any] = {
        "data": b"",
        "headers": {},
        # Status, or (status, (header, value)...), or "reset", of the next answers.
        "fail": [],
        # Added to Content-Length.
        "claims": 0,
        # Bytes after which the connection is closed.
        "cut": 0,
        # What changes after each answer.
        "next": [],
        # What was asked for.
        "paths": [],
        **settings,
    }
    server.site = site  # type: ignore[attr-defined]
    thread = threading.Thread(target=functools.partial(server.serve_forever, poll_interval=0.01))
    thread.start()
    site["host"] = f"127.0.0.1:{server.server_port}"
    site["url"] = f"http://{site['host']}/a/disk.img"
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
