# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of a test run."""

from __future__ import annotations

import pytest

from ansible_collections.mikumo.openstack.plugins.plugin_utils._junit import JUnitError, Result, parse, report

FAILURE = """testtools.testresult.real._StringException: pythonlogging:'': {{{
INFO a request
}}}

Traceback (most recent call last):
  File "a.py", line 1, in test
    wait()
Details: (Test:test) Server 1 failed
to build.
"""


@pytest.mark.parametrize(
    ("case", "result"),
    [
        ('<testcase classname="a.B" name="test_c[id-1,smoke]" time="1.5"/>', Result("a.B.test_c", "passed", 1.5)),
        ('<testcase classname="" name="setUpClass (a.B)" time="0.0"/>', Result("setUpClass (a.B)", "passed", 0)),
        ('<testcase classname="a" name="b" time="1,234.5"/>', Result("a.b", "passed", 1234.5)),
        (
            '<testcase classname="a" name="b" time="0"><skipped>no\n swift</skipped></testcase>',
            Result("a.b", "skipped", 0, "no swift"),
        ),
        (
            f'<testcase classname="a" name="b" time="2"><failure type="x">{FAILURE}</failure></testcase>',
            Result("a.b", "failed", 2, "Details: (Test:test) Server 1 failed to build."),
        ),
        ('<testcase classname="a" name="b" time="2"><error>bad</error></testcase>', Result("a.b", "failed", 2, "bad")),
    ],
)
def test_one_result(case: str, result: Result) -> None:
    assert parse(f"<testsuite>{case}</testsuite>") == [result]


def test_a_long_reason_is_cut() -> None:
    (result,) = parse(f'<testsuite><testcase name="a"><failure>{"x" * 1000}</failure></testcase></testsuite>')
    assert len(result.reason) == 404


@pytest.mark.parametrize(("text", "words"), [("", "no element"), ("<html/>", "<html>, expected <testsuite>")])
def test_not_a_junit_file(text: str, words: str) -> None:
    with pytest.raises(JUnitError, match=words):
        parse(text)


def test_table() -> None:
    results = [
        Result("quick", "passed", 1),
        Result("slow", "passed", 20),
        Result("broken", "failed", 3, "it is broken"),
        Result("other", "skipped", 0, "no swift"),
    ]
    assert report(results, {"a.*": "a bug upstream"}) == {
        "passed": 2,
        "failed": 1,
        "skipped": 1,
        "seconds": 24,
        "summary": "2 passed, 1 failed, 1 skipped, 24 s",
        "lines": [
            "failed       3.0 s  broken: it is broken",
            "skipped      0.0 s  other: no swift",
            "passed      20.0 s  slow",
            "passed       1.0 s  quick",
            "excluded            a.*: a bug upstream",
        ],
    }
