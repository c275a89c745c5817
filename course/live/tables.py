"""What real kernels did, beside what the emulator does on the tree that stands for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest

from course.conform.experiment import Experiment
from course.conform.kernels import kernel_of
from course.conform.prediction import predict
from course.conform.replay import Verdict, replay
from course.conform.rules import up_to_repetition
from course.conform.script import Script
from course.conform.script_prediction import predict_script
from course.live import stored
from course.views.table import Column, Line, Table
from pyemu.flags import FaultFlag, VmFault, names
from pyemu.tree import Tree

__all__ = [
    "FIELDS",
    "Shown",
    "attempts_beside",
    "beside",
    "minor_faults",
    "noticed",
    "rounds",
    "table_of",
]

Fields = Mapping[str, object]

FIELDS = {
    "outcome": "outcome",
    "messages": "messages that M read",
    "state_blocked": "state while it waits",
    "minflt": "minor faults",
    "majflt": "major faults",
    "blocked_us": "time, us",
}
MARK = " *"
UNTOLD = "not told"
EVENTS = ("none", "wake1", "wake3", "sig1", "stop")
STATES = {"1": "S", "102": "D", "2": "D"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A table; shown as a table, printed as text.

    Attributes
    ----------
    table : Table
        What it says.
    """

    table: Table

    def __repr__(self) -> str:
        return self.table.text()

    def _repr_html_(self) -> str:
        return self.table.html()

    @property
    def starred(self) -> tuple[str, ...]:
        """The first cells of the lines that have a star."""
        return tuple(
            line.cells[0] for line in self.table.lines if any(cell.endswith(MARK) for cell in line.cells)
        )


def table_of(title: str, *groups: Mapping[str, Fields]) -> Shown:
    """Draw real kernels, each before what it is compared with.

    Parameters
    ----------
    title : str
        Stands above.
    *groups : mapping
        Heading to fields: a real kernel, then models of it, which get a star where they differ from it.

    Returns
    -------
    Shown
        A line for each of `FIELDS`.
    """
    heads = [Column("", 22), *(Column(head, 20, right=True) for group in groups for head in group)]
    lines = []
    for field, words in FIELDS.items():
        cells = [words]
        for group in groups:
            real, *models = (fields[field] for fields in group.values())
            cells.append(UNTOLD if real is None else str(real))
            cells += [f"{one}{'' if _same(real, one) else MARK}" for one in models]
        lines.append(Line(tuple(cells)))
    return Shown(Table(title, tuple(heads), tuple(lines)))


def _same(real: object, model: object) -> bool:
    """Say whether two values agree; a victim that was ended by SIGBUS could not tell the rest."""
    return real in (model, None) or (real == "SIGBUS" and str(model).startswith("SIGBUS"))


def beside(event: str, *kernels: str, access: str = "user_read") -> Shown:
    """Show an experiment on recorded kernels, each beside the emulator.

    Parameters
    ----------
    event : str
        What the monitor did: ``none``, ``wake1``, ``wake3``, ``sig1`` or ``stop``.
    *kernels : str
        Recorded kernels, such as ``5.7.14``.
    access : str
        ``user_read``, ``read_zero`` or ``pvm_readv``.

    Returns
    -------
    Shown
        Two columns for each kernel; where the emulator differs, there is a star.

    Raises
    ------
    RecordError
        When that is not stored.
    """
    done = Experiment(access, event)
    groups = []
    for kernel in kernels:
        ran = kernel_of(kernel)
        real, got = stored.experiment(kernel, done).values, predict(done, ran.tree, ran.computer).fields
        groups.append({f"real {kernel}": real, f"tree {ran.tree}": got})
    return table_of(f"{access}, {event}", *groups)


def minor_faults(*kernels: str, access: str = "user_read") -> Shown:
    """Show the minor faults of an access, and how many more they are than without an event.

    Parameters
    ----------
    *kernels : str
        Recorded kernels.
    access : str
        As in `beside`.

    Returns
    -------
    Shown
        A line for each event: of each kernel the count, the difference to ``none``, and that of the emulator.
    """
    heads = [Column("", 8)]
    heads += [
        Column(f"{kernel} {what}", 16, right=True)
        for kernel in kernels
        for what in ("counted", "more", "model")
    ]
    lines = []
    for event in EVENTS:
        cells = [event]
        for kernel in kernels:
            ran = kernel_of(kernel)
            both = [
                (stored.experiment(kernel, one).values, predict(one, ran.tree, ran.computer).fields)
                for one in (Experiment(access, "none"), Experiment(access, event))
            ]
            real, got = (
                (int(alone["minflt"]), int(fields["minflt"])) for alone, fields in zip(*both, strict=True)
            )
            cells += [str(real[1]), f"{real[1] - real[0]:+d}", f"{got[1] - got[0]:+d}"]
        lines.append(Line(tuple(cells)))
    return Shown(Table(f"Minor faults of {access}", tuple(heads), tuple(lines)))


def attempts_beside(tree: str, group: str = "S13") -> Shown:
    """Show a traced Linux 5.7.14 beside the emulator, word by word.

    Parameters
    ----------
    tree : str
        How the patches were switched: ``upto8``, ``v5_7``.
    group : str
        ``S13`` or ``S12``.

    Returns
    -------
    Shown
        A line a word: what the kernel wrote, what the emulator writes, and what it means. Of a busy loop, up
        to its first repetition.
    """
    record = stored.script(tree, group)
    done, real = record.done, record.values
    assert isinstance(done, Script)
    got = predict_script(done, Tree.parse(tree), kernel_of(record.kernel).computer)
    shown, mine = str(real["trace"]).split(), str(got["trace"]).split()
    notes = [f"outcome: real {real['outcome']}, emulator {got['outcome']}"]
    if real["spin"]:
        shown = up_to_repetition(" ".join(shown)).split()
        mine = mine[: len(shown)]
        notes.append(f"and so on: {real['attempts']} attempts of the real kernel")
    lines = tuple(
        Line((one, other + ("" if one == other else MARK), _meaning(one or other)))
        for one, other in zip_longest(shown, mine, fillvalue="")
    )
    heads = (Column(f"real 5.7.14, {tree}", 22), Column("emulator", 10), Column("what it says", 76))
    return Shown(Table(f"{group}, {done.access}", heads, lines, tuple(notes)))


def _meaning(word: str) -> str:
    """Say what a word of a trace means."""
    kind, rest = word[0], word[1:]
    match kind:
        case "X":
            return f"page fault in {'user' if rest[0] == 'u' else 'kernel'} mode, on page {rest[1:]}"
        case "A":
            return "find vma: takes mmap_sem, looks up the area"
        case "h":
            return f"try: flags 0x{rest}, {names(int(rest, 16), FaultFlag)}"
        case "M":
            return "wait: queues a message"
        case "S":
            return f"wait: sleeps in state {STATES.get(rest, rest)}"
        case "W":
            return "wake: runs again"
        case "H":
            bits = int(rest, 16)
            return f"decide: the attempt gave 0x{rest}, {names(bits, VmFault) if bits else 'done'}"
        case "U":
            return "releases mmap_sem"
        case _:
            return ""


def rounds() -> Shown:
    """Show one busy loop on several kernels: how many messages the monitor read meanwhile.

    Returns
    -------
    Shown
        A line for each recorded kernel that spins, with the state that was seen, and the emulator's.
    """
    done = Experiment("read_zero", "sig1")
    lines = []
    for kernel in stored.KERNELS[1:]:
        ran = kernel_of(kernel)
        real, got = stored.experiment(kernel, done).values, predict(done, ran.tree, ran.computer)
        both = ((v["messages"], v["state_after_action"], v["outcome"]) for v in (real, got.fields))
        cells = (str(cell) for pair in zip(*both, strict=True) for cell in pair)
        lines.append(Line((kernel, *cells)))
    heads = (
        Column("kernel", 10),
        *(
            Column(f"{what}, {who}", 20, right=True)
            for what in ("messages", "state", "outcome")
            for who in ("real", "emulator")
        ),
    )
    return Shown(Table("read_zero, sig1: SIGUSR1 while the kernel copies", heads, tuple(lines)))


def noticed(*trees: Tree, kernel: str = "5.7.14") -> Shown:
    """Say which recorded rows of a kernel notice that another tree runs.

    Parameters
    ----------
    *trees : Tree
        What runs in the place of the kernel's own tree.
    kernel : str
        A recorded kernel.

    Returns
    -------
    Shown
        A line for each tree: how many rows differ, by the rules of ``faultlab conform``, and in what.
    """
    rows = [one for one in stored.stored() if one.kernel == kernel and one.kind == "userfault"]
    lines = []
    for tree in trees:
        different = [row for row in replay(rows, tree=tree) if row.verdict is Verdict.MISMATCH]
        told = "; ".join(
            f"{row.record.values['access']} {row.record.values['event']}: {_first(row.comparison.differing)}"
            for row in different
        )
        lines.append(Line((str(tree), f"{len(different)} of {len(rows)}", told or "nothing differs")))
    heads = (Column("tree", 12), Column("rows", 8), Column("what differs", 74))
    return Shown(Table(f"Rows of the real {kernel} against other trees", heads, tuple(lines)))


# Which of the fields that differ is named: the one that says most.
_TELLING = ("outcome", "messages", "state_blocked", "majflt", "minflt")


def _first(differing: Mapping[str, object]) -> str:
    found = next(name for name in (*_TELLING, *differing) if name in differing)
    return FIELDS.get(found, found)
