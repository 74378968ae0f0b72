# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tries to read queues with the account of a service, and prints what the broker says of each.

forbidden_queue.py CONFIGURATION [VHOST/QUEUE...]
"""

from __future__ import annotations

import configparser
import json
import ssl
import sys
import urllib.parse

import amqp

settings = configparser.RawConfigParser(strict=False)
settings.read(sys.argv[1])
url = urllib.parse.urlsplit(settings["DEFAULT"]["transport_url"])
verified = {
    "ca_certs": settings["oslo_messaging_rabbit"]["ssl_ca_file"],
    "cert_reqs": ssl.CERT_REQUIRED,
    "server_hostname": url.hostname,
}
answers = {}
for place in sys.argv[2:]:
    vhost, _slash, queue = place.partition("/")
    try:
        with amqp.Connection(
            host=f"{url.hostname}:{url.port}",
            ssl=verified,
            userid=url.username,
            password=urllib.parse.unquote(url.password or ""),
            virtual_host=vhost,
        ) as connection:
            channel = connection.channel()
            if message := channel.basic_get(queue):
                channel.basic_reject(message.delivery_tag, requeue=True)
            answers[place] = "allowed"
    except amqp.exceptions.AMQPError as error:
        answers[place] = f"{type(error).__name__}: {error}"
print(json.dumps(answers))
