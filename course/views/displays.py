"""What a notebook shows of objects of `pyemu` beside their text: flag words, areas, trees, results as tables.

`pyemu` knows nothing of notebooks, so its classes have no ``_repr_html_``. `install` tells IPython, by the
name of each class, what makes its HTML; a class is loaded only when somebody uses it. `course.views.ready`
does that, and ``%load_ext course.views``. The text form stays the object's own. What a flag means is read
from the glossary.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntFlag
from functools import partial
from typing import TYPE_CHECKING, Any

from course.glossary import terms
from course.views.counts import counted
from course.views.table import Column, Line, Table
from pyemu.flags import PAGE_SIZE, TaskState, VmFlag, state_letter
from pyemu.flags import names as flag_names
from pyemu.rules import RULES
from pyemu.tree import N_PATCHES, Tree

if TYPE_CHECKING:
    from pyemu.machine import Result, TaskResult, Violation
    from pyemu.scenario.model import Area
    from pyemu.state import VmaState

__all__ = ["TABLE_OF", "flag_word", "install"]

_FACTS = (Column("", 24), Column("", 60))


def flag_word(value: IntFlag, prefix: str) -> Table:
    """Name the bits of a flag word.

    Parameters
    ----------
    value : IntFlag
        A word of `pyemu.flags`.
    prefix : str
        What the names of its bits begin with in the kernel.

    Returns
    -------
    Table
        A line for each bit that is set, with what the glossary says of it; a note where the whole word has a
        name.

    Examples
    --------
    >>> from pyemu.flags import PageFaultError
    >>> print(flag_word(PageFaultError.WRITE | PageFaultError.USER, "X86_PF_").text())
    X86_PF_*: 0x6
    <BLANKLINE>
    bit  name          means
    ---  ------------  -------------------------
    0x2  X86_PF_WRITE  The access was a write.
    0x4  X86_PF_USER   The CPU was in user mode.
    """
    known = terms()
    bits = [(int(bit), f"{prefix}{bit.name}") for bit in value]
    lines = [(f"{bit:#x}", name, known[name].means if name in known else "") for bit, name in bits]
    if rest := int(value) & ~sum(bit for bit, _ in bits):
        lines.append((f"{rest:#x}", "no name", ""))
    lines = lines or [("0x0", "no bit is set", "")]
    notes = [
        f"{one.name}: {one.means}"
        for one in known.values()
        if one.name.startswith(prefix) and one.value == int(value) and len(lines) > 1
    ]
    columns = (Column("bit", 10, right=True), Column("name", 24), Column("means", 60))
    width = 3 if any(line[2] for line in lines) else 2
    return Table(
        f"{prefix}*: {int(value):#x}",
        columns[:width],
        tuple(Line(line[:width]) for line in lines),
        tuple(notes),
    )


def task_state(value: TaskState) -> Table:
    """Name a state as a whole: of TASK_KILLABLE, one bit alone would say the wrong thing."""
    named = (one for one in terms().values() if one.kind == "task state" and one.value == int(value))
    state = next(named, None)
    lines = [("value", f"{int(value):#x}"), ("/proc shows", state_letter(value))]
    lines += [("means", state.means)] if state is not None else []
    return _facts(state.name if state is not None else f"TASK_*: {flag_names(value, TaskState)}", lines)


def area_at_work(area: VmaState) -> Table:
    """Say where an area of a running machine lies, and what it allows."""
    lines = [*_place(area.start, area.end), ("allows", flag_names(area.flags, VmFlag).replace("|", " | "))]
    lines += [("userfaultfd", str(area.context))] if area.context is not None else []
    lines += [("file", f"{area.file}, from its page {area.pgoff} on")] if area.file is not None else []
    return _facts(f"Area of mm {area.mm}" if area.alive else f"Area of mm {area.mm}, freed", lines)


def area_of_scenario(area: Area) -> Table:
    """Say where an area of a scenario will lie, and what it will allow."""
    lines = [*_place(area.address, area.address + area.pages * area.page_size), ("allows", area.prot)]
    shows = f"file {area.file}, from its page {area.first_page} on" if area.file else area.kind
    lines.append(("shows", f"{shows}, {'shared' if area.shared else 'private'}"))
    lines += [("userfaultfd", area.userfaultfd)] if area.userfaultfd else []
    return _facts(f"Area {area.name} of process {area.process}", lines)


def tree_rows(tree: Tree) -> Table:
    """Say which patches and fixes a tree has."""
    applied, without = sorted(tree.patches), sorted(set(range(1, N_PATCHES + 1)) - tree.patches)
    lines = [
        ("patches applied", ", ".join(map(str, applied)) or "none"),
        ("patches left out", ", ".join(map(str, without)) or "none"),
        ("later fixes", ", ".join(sorted(tree.fixes)) or "none"),
        ("release", tree.release),
    ]
    return _facts(f"Tree {tree}", lines)


def task_rows(task: TaskResult) -> Table:
    """Say what became of a task, and what was counted."""
    return _facts(f"Task {task.name}", [("outcomes", ", ".join(task.outcomes) or "none"), *counted(task)])


def run_rows(result: Result) -> Table:
    """Say what became of each task of a run, and which rules were broken."""
    columns = (
        *(Column("task", 12), Column("outcomes", 40), Column("page faults", 12, right=True)),
        *(Column("attempts", 12, right=True), Column("minor", 12, right=True)),
        Column("major", 12, right=True),
    )
    lines = tuple(
        Line(
            (
                *(name, ", ".join(task.outcomes) or "none"),
                *(str(task.stats.get(one, 0)) for one in ("exceptions", "attempts")),
                *(str(task.counters.get(one, 0)) for one in ("min_flt", "maj_flt")),
            )
        )
        for name, task in result.tasks.items()
    )
    notes = [f"{one.task} breaks a rule, {one.rule}: {one.text}" for one in result.violations]
    notes += [f"{one.task} can't go on, {one.rule}: {one.text}" for one in result.findings]
    ended = f"The run ends after {result.ticks} us: {result.end}"
    notes.append(f"{ended}, {result.end_text}" if result.end_text else f"{ended}.")
    return Table(result.trace.title, columns, lines, tuple(notes))


def violation(one: Violation) -> Table:
    """Say which rule was broken, by whom, and what the rule is."""
    lines = [("task", one.task), ("what happened", one.text)]
    lines += [("the rule", RULES[one.rule].means)] if one.rule in RULES else []
    return _facts(f"A rule is broken: {one.rule}", lines)


TABLE_OF: Mapping[tuple[str, str], Callable[[Any], Table]] = {
    ("pyemu.flags", "FaultFlag"): partial(flag_word, prefix="FAULT_FLAG_"),
    ("pyemu.flags", "FollFlag"): partial(flag_word, prefix="FOLL_"),
    ("pyemu.flags", "PageFaultError"): partial(flag_word, prefix="X86_PF_"),
    ("pyemu.flags", "TaskState"): task_state,
    ("pyemu.flags", "UffdFeature"): partial(flag_word, prefix="UFFD_FEATURE_"),
    ("pyemu.flags", "VmFault"): partial(flag_word, prefix="VM_FAULT_"),
    ("pyemu.flags", "VmFlag"): partial(flag_word, prefix="VM_"),
    ("pyemu.machine", "Result"): run_rows,
    ("pyemu.machine", "TaskResult"): task_rows,
    ("pyemu.machine", "Violation"): violation,
    ("pyemu.scenario.model", "Area"): area_of_scenario,
    ("pyemu.state", "VmaState"): area_at_work,
    ("pyemu.tree", "Tree"): tree_rows,
}
"""Module and name of a class -> the table that stands for one of its objects."""


def install(shell: Any) -> None:
    """Let a notebook show these tables.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        Of the notebook's kernel.
    """
    formatter = shell.display_formatter.formatters["text/html"]
    for (module, name), table in TABLE_OF.items():
        formatter.for_type_by_name(module, name, partial(_html, table))


def _html(table: Callable[[Any], Table], value: Any) -> str:
    return table(value).html()


def _facts(title: str, lines: list[tuple[str, str]]) -> Table:
    return Table(title, _FACTS, tuple(map(Line, lines)))


def _place(start: int, end: int) -> list[tuple[str, str]]:
    n_pages = (end - start) // PAGE_SIZE
    return [("addresses", f"{start:#x} to {end - 1:#x}"), ("pages of 4096 bytes", str(n_pages))]
