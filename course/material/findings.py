"""What a check of lessons, exercises or submissions found, as data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

__all__ = ["Finding", "Severity", "worst"]


class Severity(IntEnum):
    """What a finding about a submission means for its grade, from harmless to severe.

    Findings about our own lessons and exercises leave it at ``NOTE``: there, any finding fails the build.
    """

    NOTE = 0
    """Worth knowing; the grade does not depend on it."""
    RESTORED = 1
    """A cell of ours was changed or missing; ours was used."""
    FAILED = 2
    """An answer can't be run: its checks give no points."""
    REJECTED = 3
    """The file was not run. A person looks at it; it is not a silent 0."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found.

    Parameters
    ----------
    name : str
        What kind of finding, in lower case with hyphens; stable, so that reports can count it.
    message : str
        One or two sentences that name the thing, the value, the rule and the next step.
    severity : Severity
        What it means for a grade.
    """

    name: str
    message: str
    severity: Severity = Severity.NOTE


def worst(findings: tuple[Finding, ...]) -> Severity:
    """Return the highest severity among findings, ``NOTE`` when there are none."""
    return max((finding.severity for finding in findings), default=Severity.NOTE)
