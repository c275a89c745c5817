"""The page that sets ``faultlab grade`` beside nbgrader, otter-grader and nbval, made of what was measured.

::

    python -m tests.peers.compared

Nothing in its tables is typed: `CPU` comes from ``tests/bench/bench_peers.py``, `ATTACKED` from
``tests/peers/attacked.py``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from course.checks.facts import plural
from tests.bench.bench_peers import table
from tests.peers.venvs import ROOT

__all__ = ["PAGE", "findings", "page", "read"]

HERE = Path(__file__).parent
CPU, ATTACKED = HERE / "cpu.json", HERE / "attacked.json"
PAGE = ROOT / "course" / "guides" / "compared.md"
TOOLS = ("faultlab", "nbgrader", "otter", "nbval")

UNDESERVED = "undeserved points"
LESS = "a right answer loses points"
GUESSED = "graded, though a person should look"
NO_LIMIT = "no limit held it"
STOPPED = "the neighbour has no grade"
CHANGED = "the neighbour's points changed"
TRACEBACK = "a traceback of the tool"
LEFT = "processes left"
FILES = "files left"
ENDED = {
    "time": "did not end in time",
    "memory": "took too much memory",
    "processes": "took too many processes",
}
KINDS = (UNDESERVED, LESS, GUESSED, NO_LIMIT, STOPPED, CHANGED, *ENDED.values(), TRACEBACK, LEFT, FILES)


def read() -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """Give what was measured: CPU (None where nobody has), and attacks."""
    return json.loads(CPU.read_bytes()) if CPU.is_file() else None, json.loads(ATTACKED.read_bytes())


def findings(facts: Mapping[str, Any], wanted: Mapping[str, Any], honest: float) -> list[str]:
    """Say what is wrong about one attack under one tool.

    Parameters
    ----------
    facts : mapping
        `tests.peers.attacked.Facts` as data.
    wanted : mapping
        ``outcome`` and ``max_score`` of the attacks' manifest.
    honest : float
        The points of a right answer.

    Returns
    -------
    list of str
        Of `KINDS`; empty when all is as it should be.
    """
    points, outcome, deserved = facts["points"], wanted["outcome"], wanted["max_score"] * honest
    ended = facts["ended"]
    given = points or 0
    said = {
        UNDESERVED: outcome in ("failed", "graded", "repaired") and given > deserved,
        LESS: outcome in ("graded", "repaired") and given < deserved,
        GUESSED: outcome == "rejected" and points is not None,
        NO_LIMIT: outcome == "killed" and given > 0,
        STOPPED: facts["neighbour"] is None and not ended,
        CHANGED: facts["neighbour"] not in (None, honest),
        TRACEBACK: facts["traceback"],
        LEFT: facts["left"] > 0,
        FILES: bool(facts["files"]),
    } | {text: ended == name for name, text in ENDED.items()}
    return [kind for kind in KINDS if said[kind]]


def page(cpu: Mapping[str, Any] | None, attacked: Mapping[str, Any]) -> str:
    """Give the text of the page."""
    versions = attacked["versions"]
    named = [f"{tool} {versions[tool]}" for tool in TOOLS]
    attacks, wanted, honest = attacked["attacks"], attacked["wanted"], attacked["points"]
    found = {name: [findings(attacks[name][tool], wanted[name], honest) for tool in TOOLS] for name in wanted}
    counted = [
        [kind, *(str(sum(kind in row[n] for row in found.values()) or "-") for n in range(len(TOOLS)))]
        for kind in KINDS
    ]
    nothing = ["none of these", *(str(sum(not row[n] for row in found.values())) for n in range(len(TOOLS)))]
    return (
        (HERE / "page.md")
        .read_text(encoding="utf-8")
        .format(
            cpu=_cpu(cpu) if cpu is not None else "",
            versions=", ".join(named),
            date=attacked["date"],
            python=attacked["python"],
            n_attacks=len(wanted),
            exercise=attacked["exercise"],
            points=honest,
            limit=f"{attacked['limit_seconds']:.0f}",
            summary=_table(["What went wrong", *TOOLS], [*counted, nothing], "l rrrr"),
            attacks=_table(
                ["Attack", *TOOLS],
                [[f"`{name}`", *("; ".join(one) or "-" for one in row)] for name, row in found.items()],
                "l llll",
            ),
        )
    )


def _cpu(cpu: Mapping[str, Any]) -> str:
    """Give the section about CPU."""
    seconds = [[name, tool, f"{value:.2f}", f"{ratio:.1f}"] for name, tool, value, ratio in table(cpu)]
    return (
        (HERE / "cpu.md")
        .read_text(encoding="utf-8")
        .format(
            date=cpu["date"],
            n=cpu["submissions"],
            rounds=plural(len(next(iter(cpu["cpu_seconds"]["a function"].values()))), "round"),
            at_a_time=plural(cpu["at_a_time"], "tool"),
            cores=plural(cpu["processors"], "core"),
            function=cpu["exercises"]["a function"],
            kernel=cpu["exercises"]["kernel code"],
            cpu=_table(["Checks", "Tool", "CPU seconds a submission", "times faultlab's"], seconds, "ll rr"),
        )
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], align: str) -> str:
    marks = ["---:" if one == "r" else "---" for one in align.replace(" ", "")]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, marks, *rows))


def main() -> None:
    """Write the page."""
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(*read()), encoding="utf-8")


if __name__ == "__main__":
    main()
