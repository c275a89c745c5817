"""Steps on a few pages, written as a learner writes them, and the scenario that does them one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyemu.errors import FaultlabError
from pyemu.flags import PAGE_SIZE
from pyemu.scenario import Scenario

__all__ = ["FIRST", "N_PAGES", "Step", "read_steps", "scenario_of"]

FIRST = 0x5000
"""Where the area begins."""
N_PAGES = 4
WHO = {"": "T", "thread": "thread", "child": "child", "other": "other"}
"""Who does a step: the program, a second thread of it, a child that it forks, another program."""
FORMS = (
    "'read ADDRESS', 'write ADDRESS [BYTE]', 'syscall read ADDRESS [PAGES]', "
    "'syscall write ADDRESS [PAGES]', 'drop ADDRESS', 'protect ADDRESS r', 'protect ADDRESS rw', 'fork', "
    "'child exit'; 'child', 'thread' or 'other' before one says who does it"
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes
    ----------
    who : str
        A value of `WHO`.
    do : str
        ``read``, ``write``, ``syscall read``, ``syscall write``, ``drop``, ``protect``, ``fork`` or ``exit``.
    va : int
        Virtual address; 0 of a step without one.
    more : str
        The byte that is written, the pages of a system call, the rights of ``protect``; may be empty.
    """

    who: str
    do: str
    va: int
    more: str

    @property
    def accesses(self) -> bool:
        """Whether it reads or writes memory."""
        return self.do in ("read", "write", "syscall read", "syscall write")

    @property
    def text(self) -> str:
        """The step in a table: as C has it where it is a call."""
        length = int(self.more or 1) * PAGE_SIZE if self.do.startswith("syscall") else PAGE_SIZE
        words = {
            "read": f"read {self.va:#x}",
            "write": f"write {self.more or 7} to {self.va:#x}",
            "syscall read": f"read(zero, {self.va:#x}, {length})",
            "syscall write": f"write(file, {self.va:#x}, {length})",
            "drop": f"madvise({self.va:#x}, DONTNEED)",
            "protect": f"mprotect({self.va:#x}, {self.more})",
            "fork": "fork()",
            "exit": "exits",
        }[self.do]
        return words if self.who == "T" else f"{self.who}: {words}"


def read_steps(texts: tuple[str, ...]) -> list[Step]:
    """Read steps as a learner writes them.

    Parameters
    ----------
    texts : tuple of str
        Such as ``write 0x5010``, ``child read 0x5010``, ``syscall write 0x5000 2``.

    Returns
    -------
    list of Step
        In the same order.

    Raises
    ------
    FaultlabError
        A text is no step, or a child acts that was not forked.

    Examples
    --------
    >>> read_steps(("child write 0x5010 9",))
    Traceback (most recent call last):
    ...
    pyemu.errors.FaultlabError: 'child write 0x5010 9' comes before a child was born; put 'fork' before it.
    """
    steps: list[Step] = []
    for text in texts:
        step = _read(text)
        born = any(one.do == "fork" for one in steps)
        if step.who == "child" and not born:
            raise FaultlabError(f"{text!r} comes before a child was born; put 'fork' before it.")
        if step.do == "fork" and (born or step.who != "T"):
            raise FaultlabError(
                f"{text!r}: one fork is possible, and the program itself does it; leave it out."
            )
        if step.do == "exit" and step.who != "child":
            raise FaultlabError(f"{text!r}: only the child can exit; write 'child exit'.")
        if step.do not in ("fork", "exit") and not FIRST <= step.va < FIRST + (N_PAGES + 1) * PAGE_SIZE:
            last = FIRST + N_PAGES * PAGE_SIZE
            raise FaultlabError(
                f"{text!r}: {step.va:#x} is out of reach; the area has the addresses from {FIRST:#x} up to "
                f"{last:#x}, and the page after it, where nothing is, can be tried as well."
            )
        steps.append(step)
    return steps


def _read(text: str) -> Step:
    words = str(text).split()
    who = words.pop(0) if words and words[0] in WHO else ""
    do = " ".join(words[:2]) if words[:1] == ["syscall"] else " ".join(words[:1])
    rest = words[len(do.split()) :]
    most = {
        "fork": 0,
        "exit": 0,
        "drop": 1,
        "read": 1,
        "write": 2,
        "protect": 2,
        "syscall read": 2,
        "syscall write": 2,
    }
    try:
        va, more = int(rest[0], 0) if most.get(do) else 0, rest[1] if rest[1:] else ""
        good = len(rest) <= most[do] and (not more or do == "protect" or int(more, 0) >= 0)
    except (KeyError, IndexError, ValueError):
        good = False
    if not good or (do == "protect" and more not in ("r", "rw")):
        raise FaultlabError(f"{text!r} is no step; a step is one of {FORMS}.")
    return Step(WHO[who], do, va, more)


def scenario_of(
    steps: list[Step], *, file: str = "", file_pages: int = N_PAGES, prot: str = "rw", title: str = ""
) -> Scenario:
    """Make a scenario that does the steps one after the other, whoever does them.

    Each step stands between a mark with its number and an empty one. The page after the area belongs to no
    area.

    Parameters
    ----------
    steps : list of Step
        What is done.
    file : str
        Empty: memory of the program's own. ``cold`` or ``cached``: a file that is shown there and shared.
    file_pages : int
        Length of the file, 1 to 4 pages; the area has four.
    prot : str
        What the area allows: ``r`` or ``rw``.
    title : str
        Of tables and timelines.

    Returns
    -------
    Scenario
        Tasks ``T``, and those of the others that do something.
    """
    actors = [name for name in WHO.values() if name == "T" or any(step.who == name for step in steps)]
    if any(step.do == "fork" for step in steps) and "child" not in actors:
        actors.append("child")
    programs: dict[str, list[dict[str, Any]]] = {name: [] for name in actors}
    hole = any(step.va >= FIRST + N_PAGES * PAGE_SIZE for step in steps)
    if hole:
        for name in {"T", "other"} & {*actors}:
            programs[name].append({"do": "munmap", "area": _area(name), "page": N_PAGES})
    for n, (step, after) in enumerate(zip(steps, [*steps[1:], None], strict=True)):
        programs[step.who] += [
            {"do": "mark", "label": str(n)},
            *_as_scenario(step),
            {"do": "mark", "label": ""},
        ]
        if after is not None and after.who != step.who:
            programs[step.who].append({"do": "post", "task": after.who})
            programs[after.who].append({"do": "wait_post"})
    # Nobody ends before the last step is done: a task that ends takes its pages with it.
    last = steps[-1].who if steps else "T"
    for name in actors:
        if name != last:
            programs[name].append({"do": "wait_post"})
            programs[last].append({"do": "post", "task": name})
    shows: dict[str, Any] = {"file": "F", "shared": True} if file else {}
    area = {"address": FIRST, "pages": N_PAGES + hole, "prot": prot, **shows}
    owners = {"T": "P", "thread": "P", "other": "Q", "child": "child"}
    areas = [{"name": "V", "process": "P", **area}]
    areas += [{"name": "other", "process": "Q", **area}] if "other" in programs else []
    signals = {"SIGSEGV": "escape", "SIGBUS": "escape"}
    return Scenario.from_dict(
        {
            "version": 1,
            "name": title or "Steps",
            "title": "Steps, one after the other",
            "permits": ["SIGBUS"],
            **({"files": [{"name": "F", "pages": file_pages, "cached": file == "cached"}]} if file else {}),
            "areas": areas,
            "tasks": [
                {
                    "name": name,
                    "process": owners[name],
                    "signals": signals,
                    "program": program,
                    **({"forked": True} if name == "child" else {}),
                }
                for name, program in programs.items()
            ],
        }
    )


def _area(who: str) -> str:
    return "other" if who == "other" else "V"


def _as_scenario(step: Step) -> list[dict[str, Any]]:
    """Give a step as scenarios write it."""
    page, offset = divmod(step.va - FIRST, PAGE_SIZE)
    there = {"area": _area(step.who), "page": page}
    match step.do:
        case "fork":
            return [{"do": "fork", "child": "child"}]
        case "exit":
            return [{"do": "munmap", "area": "V", "pages": N_PAGES}]  # what ending does to its pages
        case "read":
            return [{"do": "read", **there, "offset": offset}]
        case "write":
            return [{"do": "write", **there, "offset": offset, "byte": int(step.more or "7", 0)}]
        case "syscall read":
            return [{"do": "read_zero", **there, "pages": int(step.more or "1", 0)}]
        case "syscall write":
            return [{"do": "tmpfs_write", **there, "pages": int(step.more or "1", 0)}]
        case "drop":
            return [{"do": "madvise_dontneed", **there}]
    return [{"do": "mprotect", **there, "prot": step.more}]
