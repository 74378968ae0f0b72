# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on the controller: which accounts a set of passwords opens. They come as JSON on standard input, and never go out again.

Input: {"host": address, "database": {account: password}, "keystone": [[user, domain, password]], "rabbitmq": {account: password}}
Output: {what: whether it was let in}
"""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import urllib.error
import urllib.request

import pymysql

# The certificate authorities of the site.
AUTHORITIES = "/etc/mikumo/tls/ca.pem"


def database(host: str, account: str, password: str) -> bool:
    try:
        pymysql.connect(host=host, user=account, password=password, database=account, ssl={"ca": AUTHORITIES}).close()
    except pymysql.err.OperationalError as error:
        # access denied; anything else is no answer to the question
        if error.args[0] != 1045:
            raise
        return False
    return True


def keystone(host: str, user: str, domain: str, password: str) -> bool:
    account = {"name": user, "domain": {"name": domain}, "password": password}
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": account}}}}
    request = urllib.request.Request(
        f"https://{host}:5000/v3/auth/tokens", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60, context=ssl.create_default_context(cafile=AUTHORITIES)):  # noqa: S310
            return True
    except urllib.error.HTTPError as error:
        if error.code != 401:
            raise
        return False


def rabbitmq(account: str, password: str) -> bool:
    done = subprocess.run(
        ["rabbitmqctl", "authenticate_user", account], input=f"{password}\n", capture_output=True, text=True, check=False
    )
    answer = done.stdout + done.stderr
    if done.returncode and "failed to authenticate" not in answer.lower():
        sys.exit(f"rabbitmqctl: {answer[-500:]}")
    return done.returncode == 0


def main() -> None:
    given = json.load(sys.stdin)
    found = {f"{name} in MariaDB": database(given["host"], name, password) for name, password in given["database"].items()}
    found |= {
        f"{user} in Keystone": keystone(given["host"], user, domain, password) for user, domain, password in given["keystone"]
    }
    found |= {f"{name} in RabbitMQ": rabbitmq(name, password) for name, password in given["rabbitmq"].items()}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
