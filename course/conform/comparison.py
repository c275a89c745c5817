"""What comes out of comparing one record with a prediction, field by field; and the words for the reasons."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from course.conform.records import IDENTITY, KEYS, Record, Value

KILLED = "killed:9"
ALLOWANCE = 1
COUNTERS = ("minflt", "majflt", "sw_page_faults", "sw_page_faults_min", "sw_page_faults_maj")
MINOR = ("minflt", "sw_page_faults", "sw_page_faults_min")
MAJOR = ("majflt", "sw_page_faults_maj")

INFORMATION = "information only"
NOT_READ = "the recording program was not allowed to count it"
VICTIM_KILLED = "the victim was killed and could not report its counters"


@dataclass(slots=True)
class Comparison:
    """What came out of comparing one record with a prediction.

    Attributes
    ----------
    differing : dict of str to dict
        Field -> ``expected`` (the record) and ``got`` (the emulator).
    allowances : dict of str to dict
        The same for fields that differ by no more than what is allowed.
    not_compared : dict of str to str
        Field -> reason.
    """

    differing: dict[str, dict[str, Value]] = field(default_factory=dict)
    allowances: dict[str, dict[str, Value]] = field(default_factory=dict)
    not_compared: dict[str, str] = field(default_factory=dict)

    def exactly(self, name: str, expected: Value, got: Value) -> None:
        """Compare two values."""
        if expected != got:
            self.differing[name] = {"expected": expected, "got": got}

    def number(self, name: str, expected: int, got: int, *, allowed: bool) -> None:
        """Compare two numbers; where it is `allowed`, 1 more or less is noted and forgiven."""
        if expected != got:
            within = allowed and abs(expected - got) <= ALLOWANCE
            place = self.allowances if within else self.differing
            place[name] = {"expected": expected, "got": got}

    def leave_out(self, names: Iterable[str], reason: str) -> None:
        """Name fields that aren't compared."""
        self.not_compared |= dict.fromkeys(names, reason)

    def name_the_rest(self, record: Record, *compared: str) -> None:
        """Name what a record holds besides the fields of its kind and those that were `compared` as well."""
        known = {"kind", "kernel", *IDENTITY[record.kind], *KEYS[record.kind], *compared}
        self.leave_out((name for name in record.values if name not in known), INFORMATION)
