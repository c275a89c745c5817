"""What holds for every test.

In CI, a test that matters must run: one that is skipped there fails the whole run. Hypothesis has no deadline
(two cores run many things at a time) and draws the same examples in every run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("faultlab", deadline=None, derandomize=True)
settings.load_profile("faultlab")

MUST_RUN = Path(__file__).with_name("must_run.txt")


class MustRun:
    """Notes which tests really ran, and fails the run if one of a list did not.

    Parameters
    ----------
    prefixes : list of str
        Beginnings of node ids, each of which has to match a test; all tests that it matches have to run.
    """

    def __init__(self, prefixes: list[str]) -> None:
        self.prefixes = prefixes
        self.ran: set[str] = set()
        self.skipped: set[str] = set()
        self.faults: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped:
            self.skipped.add(report.nodeid)
        elif report.when == "call":
            self.ran.add(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self.skipped.add(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        for prefix in self.prefixes:
            skipped = sorted(test for test in self.skipped if test.startswith(prefix))
            self.faults += [f"{test} was skipped" for test in skipped]
            if not skipped and not any(test.startswith(prefix) for test in self.ran):
                self.faults.append(f"{prefix} did not run")
        if self.faults and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.faults:
            terminalreporter.section("tests/must_run.txt", sep="=", red=True)
            for fault in self.faults:
                terminalreporter.line(f"{fault}; in CI it has to run")


def wanted(text: str) -> Iterator[str]:
    """Read a list of node ids: one a line, # begins a comment."""
    for line in text.splitlines():
        if prefix := line.partition("#")[0].strip():
            yield prefix


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("FAULTLAB_CI") == "1" and not hasattr(config, "workerinput"):
        config.pluginmanager.register(MustRun(list(wanted(MUST_RUN.read_text()))))
