"""Every interleaving of a scenario: the explorer, its counterexamples, and what they show of a tree.

`explore` reaches every state that some order of the tasks' moves leads to, and reports each broken rule with
the shortest schedule that breaks it; `replay` runs such a schedule and gives a trace like any other.
"""

from __future__ import annotations

from pyemu.explore.bisect import Bisection, Change, bisect
from pyemu.explore.explorer import explore
from pyemu.explore.findings import Ending, Exploration, Finding
from pyemu.explore.replay import replay
from pyemu.explore.symptoms import Seen, Symptom, symptom_named

__all__ = [
    "Bisection",
    "Change",
    "Ending",
    "Exploration",
    "Finding",
    "Seen",
    "Symptom",
    "bisect",
    "explore",
    "replay",
    "symptom_named",
]
