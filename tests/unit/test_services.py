# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.mikumo.openstack.plugins.module_utils._openstack import Api, CloudError
from ansible_collections.mikumo.openstack.plugins.module_utils._services import registry_of, unmapped, wait

SCHEDULER = ("nova-scheduler", "controller")
AGENT = ("neutron-l3-agent", "network")
VOLUME = ("cinder-volume", "controller")


class Answers(Api):
    """One answer after the other, of which the last one stays."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = 0

    def list(self, path, key, what, **params):
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def nova(state="up", host="controller"):
    return {"binary": "nova-scheduler", "host": host, "state": state}


def agent(alive):
    return {"binary": "neutron-l3-agent", "host": "network", "alive": alive}


def waited(apis, expected, seconds=100):
    now = [0.0]

    def sleep(duration):
        now[0] += duration

    result = wait(lambda registry: apis[registry.name], expected, seconds, sleep=sleep, clock=lambda: now[0])
    return result, now[0]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"Nova": [nova()]}, {SCHEDULER}),
        ({"Cinder": [{"binary": "cinder-volume", "host": "controller@lvm", "state": "up"}]}, {VOLUME}),
        ({"Nova": [nova()], "Neutron": [agent(True)]}, {SCHEDULER, AGENT}),
        ({"Heat": [{"binary": "heat-engine", "host": "c", "status": "up"}]}, {("heat-engine", "c")}),
        ({}, set()),
    ],
)
def test_all_are_alive(answers, expected):
    apis = {name: Answers(answer) for name, answer in answers.items()}
    assert waited(apis, expected) == ((set(), ""), 0)
    assert [api.asked for api in apis.values()] == [1] * len(apis)


def test_who_is_silent_is_waited_for_and_only_that_one():
    apis = {"Nova": Answers([nova()]), "Neutron": Answers([], [agent(False)], [agent(True)])}
    assert waited(apis, {SCHEDULER, AGENT}) == ((set(), ""), 4)
    assert (apis["Nova"].asked, apis["Neutron"].asked) == (1, 3)


@pytest.mark.parametrize("answer", [[nova("down")], [nova(host="other")], []])
def test_who_stays_silent_is_named(answer):
    (silent, trouble), seconds = waited({"Nova": Answers(answer)}, {SCHEDULER}, 10)
    assert (silent, trouble, seconds) == ({SCHEDULER}, "", 10)


def test_an_api_that_is_not_up_yet_is_asked_again():
    apis = {"Nova": Answers(CloudError("refused", "unreachable"), [nova()])}
    assert waited(apis, {SCHEDULER})[0] == (set(), "refused")
    (silent, trouble), _seconds = waited({"Nova": Answers(CloudError("broken", "server"))}, {SCHEDULER}, 10)
    assert (silent, trouble) == ({SCHEDULER}, "broken")


def test_what_waiting_does_not_help_against_is_said_at_once():
    with pytest.raises(CloudError, match="rejected"):
        waited({"Nova": Answers(CloudError("rejected", "unauthorized"))}, {SCHEDULER})


def test_an_unknown_program_is_refused():
    with pytest.raises(CloudError, match=r"'apache2'.*nova-, neutron-"):
        registry_of("apache2")


@pytest.mark.parametrize(
    ("listed", "hosts", "expected"),
    [
        (["compute1"], ["compute1"], []),
        (["compute1"], ["compute2", "compute1"], ["compute2"]),
        # Somebody else's.
        (["other"], ["compute1"], ["compute1"]),
        ([], [], []),
    ],
)
def test_hosts_that_nova_lists_no_hypervisor_of(listed, hosts, expected):
    nova = Answers([{"hypervisor_hostname": f"{host}.example.org", "service": {"host": host}} for host in listed])
    assert unmapped(nova, hosts) == expected
