# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declares a quorum queue with the services' own account, sends messages through it, and takes it away again.

quorum_round_trip.py CONFIGURATION QUEUE COUNT
"""

from __future__ import annotations

import configparser
import json
import ssl
import sys
import urllib.parse

import amqp

configuration, queue, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
settings = configparser.RawConfigParser(strict=False)
settings.read(configuration)
url = urllib.parse.urlsplit(settings["DEFAULT"]["transport_url"])
sent = [f"message {number}" for number in range(count)]
authorities = settings.get("oslo_messaging_rabbit", "ssl_ca_file", fallback="")
verified = {"ca_certs": authorities, "cert_reqs": ssl.CERT_REQUIRED, "server_hostname": url.hostname}
with amqp.Connection(
    host=f"{url.hostname}:{url.port}",
    ssl=verified if authorities else False,
    userid=url.username,
    password=urllib.parse.unquote(url.password or ""),
    virtual_host=url.path.lstrip("/") or "/",
    confirm_publish=True,
) as connection:
    channel = connection.channel()
    channel.queue_declare(queue, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
    try:
        for text in sent:
            # Returns when a majority of the queue's members has it on disk.
            channel.basic_publish(amqp.Message(text, delivery_mode=2), routing_key=queue)
        received: list[str] = []
        while len(received) < count and (message := channel.basic_get(queue)):
            received.append(message.body)
            channel.basic_ack(message.delivery_tag)
    finally:
        channel.queue_delete(queue)
print(json.dumps({"sent": sent, "received": received}))
