"""The signal grid: what a signal does in the middle of a wait, by who waits, for what, on which kernel."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from course.demos.parts import Part, kept, places, table, text, walk
from course.demos.script import Demo, Step, Vote
from course.views.steps import Stepper, stepper
from pyemu import Scenario, Tree, run
from pyemu.machine import Result

__all__ = ["demo"]

KERNELS = {"Linux 5.6": Tree.before, "Linux 5.7": Tree.v5_7}
SENT, DONE = 5_000, 10_000  # us: the signal, and the page
MODES = {"user": "read", "kernel": "tmpfs_write"}
SIGNALS = ("SIGUSR1", "SIGSTOP", "SIGKILL")
WAITS = ("disk", "monitor")
WHEN = (f"At {SENT // 1000} ms, with the signal", f"At {DONE // 1000} ms, with the page", "Never")


@dataclass(frozen=True, slots=True)
class Cell:
    """What a signal did: when the sleep ended and when the signal was taken, in us; how often T spun."""

    woken: int
    taken: int
    spins: int

    def __str__(self) -> str:
        spins = ", spins" if self.spins else ""
        return f"wakes at {_ms(self.woken)}{spins}; taken at {_ms(self.taken)}"


def demo() -> Demo:
    """Run every cell on both kernels, and give the script."""
    cells = {
        (wait, mode, signal, name): _cell(run(_scenario(wait, mode, signal), tree))
        for wait, mode, signal in product(WAITS, MODES, SIGNALS)
        for name, tree in KERNELS.items()
    }
    view = stepper(*(run("S9", tree) for tree in KERNELS.values()))
    view.labels = tuple(KERNELS)
    stops = {mode: {name: cells["monitor", mode, "SIGSTOP", name] for name in KERNELS} for mode in MODES}
    old, new = KERNELS
    faults = {
        name: one.tasks["T"].stats["exceptions"] for name, one in zip(KERNELS, view.results, strict=True)
    }
    return Demo(
        name="signal-grid",
        title="The signal grid",
        about="A signal comes while a task waits for a page: what ends, and when?",
        steps=(
            Step(
                "Who waits, and which signal comes?",
                (
                    (
                        text(
                            f"T waits for a page. The signal comes after {SENT // 1000} ms, the page after "
                            f"{DONE // 1000} ms. When does T wake up?"
                        ),
                        _grid(cells, "disk", ()),
                    ),
                ),
                1,
                say="Two rows: T reads the page itself, or the kernel copies it for T's write(). Fill the "
                "grid with the room, on a board or on the handout.",
                sees=("user", "kernel", *SIGNALS),
                paper=True,
            ),
            Step(
                "SIGUSR1, and a page that the disk brings",
                ((_grid(cells, "disk", ()),),),
                0.75,
                ask="T reads a page of a file. SIGUSR1 has a handler. When does T wake up?",
                expect="Most say: at once, the signal ends the disk wait.",
                sees=WHEN,
                vote="disk",
            ),
            Step(
                "A signal shortens no I/O",
                walk(view, 0, _way(view)),
                1.25,
                say="T sleeps killably: only SIGKILL ends it. What differs comes after the wait: on 5.7 the "
                f"handler runs first, and the read faults again: {faults[new]} faults, not {faults[old]}.",
                sees=("T runs its handler for SIGUSR1", WHEN[1]),
                reveals="disk",
            ),
            Step(
                "The grid for the disk",
                ((_grid(cells, "disk", (old, new)),),),
                0.75,
                ask="Where do the kernels differ?",
                expect="The room looks for it. In no time of it: 5.7 needs another fault, that is all.",
                sees=tuple(str(cells["disk", mode, "SIGKILL", new]) for mode in MODES),
            ),
            Step(
                "The third axis: T waits for a monitor (userfaultfd)",
                ((_grid(cells, "monitor", ()),),),
                0.75,
                ask="SIGSTOP, T reads the page itself: when does it stop?",
                expect="Those who have seen the disk say: with the page.",
                sees=WHEN,
                paper=True,
                vote="user",
            ),
            Step(
                "A read of its own stops at once, on both",
                ((_row(stops["user"], "user"),),),
                0.5,
                say="The wait for a monitor was ended by any signal in user mode long before 5.7.",
                sees=tuple(map(str, stops["user"].values())),
                reveals="user",
            ),
            Step(
                "And when the kernel reads it, for write()?",
                ((_row(stops["user"], "user"),),),
                0.75,
                ask="SIGSTOP in the middle of the kernel's copy: when is it taken?",
                expect="At once, as before.",
                sees=WHEN,
                vote="kernel",
            ),
            Step(
                "The kernel's copy stops at once on neither",
                ((_row(stops["kernel"], "kernel"),),),
                0.5,
                say="A signal is taken on the way to user mode, and the copy has to end first. Look at what "
                "5.7 does in the meantime: it is awake, and goes round. That is the next demo.",
                sees=tuple(map(str, stops["kernel"].values())),
                reveals="kernel",
            ),
            Step(
                "The grid for the monitor",
                ((_grid(cells, "monitor", (old, new)),),),
                0.75,
                ask="Which column has the same answers everywhere?",
                expect="SIGKILL: it ends each of these waits.",
                sees=tuple(str(cells["monitor", "user", "SIGKILL", name]) for name in KERNELS),
            ),
        ),
        votes={
            "disk": Vote(
                "T waits for the disk, and SIGUSR1 comes. When does T wake up?",
                WHEN,
                _right({name: cells["disk", "user", "SIGUSR1", name].woken for name in KERNELS}),
            ),
            **{
                mode: Vote(
                    f"T waits for a monitor in {mode} mode, and SIGSTOP comes. When does T stop?",
                    WHEN,
                    _right({name: stop.taken for name, stop in stops[mode].items()}),
                )
                for mode in MODES
            },
        },
        steppers=(kept(view, ("T", "S", "mmap_sem")),),
        sources=(
            f"Runs of the emulator: a page after {DONE} us, a signal after {SENT} us; trees before and v5_7.",
            "Scenario S9 on the same trees.",
        ),
    )


def _ms(t: int) -> str:
    return f"{t // 1000} ms"


def _right(times: dict[str, int]) -> dict[str, str]:
    """Give the choice for each time, with the kernels where it is right."""
    found: dict[str, list[str]] = {}
    for name, t in times.items():
        choice = WHEN[0] if t < DONE else WHEN[1]
        found.setdefault(choice, []).append(name)
    return {choice: " and ".join(names) for choice, names in found.items()}


def _grid(cells: dict[tuple[str, str, str, str], Cell], wait: str, names: tuple[str, ...]) -> Part:
    rows = []
    for mode in MODES:
        lines = {name: tuple(str(cells[wait, mode, signal, name]) for signal in SIGNALS) for name in names}
        if len(set(lines.values())) == 1:
            lines = {"both": lines[names[0]]}
        rows += [(f"{mode}, {name}", *line) for name, line in lines.items()] or [(mode, "?", "?", "?")]
    return table(f"T waits for the {wait}", ("mode", *SIGNALS), rows)


def _row(stops: dict[str, Cell], mode: str) -> Part:
    rows = [(name, str(stop)) for name, stop in stops.items()]
    return table(f"T waits for a monitor in {mode} mode", ("", "SIGSTOP"), rows)


def _way(view: Stepper) -> list[int]:
    """Give the places of T's sleep, the signal, the wake and what comes next."""
    kinds = [("sleep", "T"), ("signal_sent", "S"), ("wake", "T"), ("attempt_end", "T"), ("signal_taken", "T")]
    return [places(view, kind, task)[0] for kind, task in kinds]


def _cell(result: Result) -> Cell:
    """Read from a run what the signal did."""
    (sent,) = result.trace.select("signal_sent", task="S")[:1]
    ends = result.trace.select(
        "wake", "page_wait", task="T"
    )  # a wait for a page that SIGKILL ends has no wake
    woken = next(event.t for event in ends if event.t >= sent.t)
    taken = next(event.t for event in result.trace.select("signal_taken", task="T") if event.t >= sent.t)
    return Cell(woken, taken, result.tasks["T"].stats["spins"])


def _scenario(wait: str, mode: str, signal: str) -> Scenario:
    goes_on = [{"do": "pause", "ticks": DONE}, {"do": "signal", "task": "T", "signal": "SIGCONT"}]
    sender = {
        "name": "S",
        "monitor": True,
        "program": [
            {"do": "pause", "ticks": SENT},
            {"do": "signal", "task": "T", "signal": signal},
            *(goes_on if signal == "SIGSTOP" else []),
        ],
    }
    reader = {
        "name": "T",
        "signals": {"SIGUSR1": "handler"},
        "program": [{"do": MODES[mode], "area": "V", "page": 1}],
    }
    area: dict[str, object] = {"name": "V", "pages": 4}
    if wait == "disk":
        area |= {"file": "F", "shared": True, "prot": "r"}
    else:
        area |= {"populated": [0], "userfaultfd": True}
    brings = [{"do": "pause", "ticks": DONE}, {"do": "copy", "area": "V", "page": 1, "byte": 5}]
    monitor = {"name": "M", "monitor": True, "program": brings}
    return Scenario.from_dict(
        {
            "version": 1,
            "name": f"{wait}, {mode} mode, {signal}",
            "title": "A signal in a fault that waits",
            "permits": ["spin"],
            "files": [{"name": "F", "pages": 4, "io_ticks": DONE}],
            "areas": [area],
            "tasks": [reader, sender, *([monitor] if wait == "monitor" else [])],
        }
    )
