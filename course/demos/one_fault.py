"""One fault, two kernels: a monitor wakes a task and has brought nothing; an error, and an answer."""

from __future__ import annotations

from course.conform.experiment import Experiment
from course.conform.records import Record
from course.demos.parts import Part, code, kept, table, text, walk
from course.demos.script import Demo, Step, Vote
from course.live.stored import experiment
from course.views.steps import stepper
from course.views.words import flag_words
from pyemu import Tree, run
from pyemu.flags import FaultFlag
from pyemu.machine import Result

__all__ = ["demo"]

KERNELS = {"Linux 5.6": Tree.before, "Linux 5.7": Tree.v5_7}
RECORDED = ("5.4.59", "5.7.14")
AGAIN, ERROR = "It asks the monitor again", "It gets an error: SIGBUS"
CHOICES = (AGAIN, ERROR, "It sleeps for ever", "It reads zeros")
SHOWN = ("exception", "attempt", "message", "lock_dropped", "sleep", "message_read", "wake")
TASKS = """\
/* T: the program */     /* M: its monitor */
char value = *page;      read(uffd, &message, sizeof message);
                         usleep(10000);                     /* the page is on its way */
                         ioctl(uffd, UFFDIO_WAKE, &range);  /* wakes T, brings nothing */
"""
LOOP = """\
fault = handle_mm_fault(vma, address, flags)
if fault & VM_FAULT_RETRY and flags & FAULT_FLAG_ALLOW_RETRY:
    flags &= ~FAULT_FLAG_ALLOW_RETRY
    flags |= FAULT_FLAG_TRIED
    continue
"""


def demo() -> Demo:
    """Run both kernels, and give the script."""
    runs = {name: run("S13", tree) for name, tree in KERNELS.items()}
    view = stepper(*runs.values())
    view.labels = tuple(runs)
    kinds = [row.left.event.kind if row.left else "" for row in view.rows]
    second = [row for row, kind in enumerate(kinds) if kind == "attempt"][1]
    woken = max(row for row in range(second) if kinds[row] == "wake")
    way = [row for row in range(woken + 1) if kinds[row] in SHOWN]
    right = {_what(result): name for name, result in runs.items()}
    flags = {
        name: [flag_words(int(event.a), FaultFlag) for event in result.trace.select("attempt")[:2]]
        for name, result in runs.items()
    }
    records = [experiment(kernel, Experiment("user_read", "wake1")) for kernel in RECORDED]
    outcomes = [result.tasks["T"].outcome for result in runs.values()]
    return Demo(
        name="one-fault",
        title="One fault, two kernels",
        about="A monitor wakes a task and has brought nothing: one kernel gives an error, one goes on.",
        steps=(
            Step(
                "A monitor serves the pages of a program",
                (
                    (
                        text("T reads a page that is missing. M is to bring it. M makes a mistake:"),
                        code(TASKS, (4,)),
                    ),
                ),
                1,
                say="A page fault that a second program serves. By mistake, it wakes the first one early. "
                "We run this on two kernels that are one release apart.",
                sees=("brings nothing",),
            ),
            Step(
                "The same, event by event, up to the wake",
                walk(view, 0, way),
                1.5,
                say="Up to here the two kernels do the same. T sleeps without the lock; M reads the message, "
                "waits, and wakes T.",
                ask="Where is the page now?",
                expect="Still on its way: the wake brought nothing.",
                sees=("T wakes up: the monitor woke it",),
            ),
            Step(
                "T is awake, and the page is missing",
                walk(view, 0, [second - 1]),
                1,
                say="T has the lock again and has found its area. Stop here, before attempt 2.",
                ask="What happens to T now? Hands up for each.",
                expect="Half of the room says that it asks again, some that it hangs. Few say: an error.",
                sees=("finds the area", CHOICES[0]),
                vote="next",
            ),
            Step(
                "Attempt 2",
                walk(view, 0, [second, second + 1]),
                1,
                say="5.6: an error, though the address is fine. 5.7: a second message; the fault goes on.",
                sees=(*right.values(), "SIGBUS", "sends the monitor a message"),
                reveals="next",
            ),
            Step(
                "Which line makes the difference?",
                (
                    (code(LOOP),),
                    (code(LOOP, (3,)), _flags(flags)),
                ),
                1,
                ask="One of these lines was removed in Linux 5.7. Which one?",
                expect="The line with TRIED, first. Then the one that takes the permission away.",
                say="Without ALLOW_RETRY an attempt may not wait. The page is missing, waiting is forbidden: "
                "an error is all that is left. One flag.",
                sees=("FAULT_FLAG_ALLOW_RETRY", *flags["Linux 5.7"]),
            ),
            Step(
                "Do real kernels agree?",
                ((_recorded(records, runs),),),
                0.5,
                say="The same access on two real kernels, recorded. They agree with the emulator.",
                sees=(*RECORDED, *map(_outcome, records), *outcomes),
            ),
        ),
        votes={"next": Vote("T is awake, and the page is still missing. What happens now?", CHOICES, right)},
        steppers=(kept(view, ("T", "M", "mmap_sem")),),
        sources=(
            "Scenario S13 of the emulator on the trees before and v5_7.",
            f"Recorded kernels {' and '.join(RECORDED)}: a read, one wake that brings nothing.",
        ),
    )


def _what(result: Result) -> str:
    """Say which of the choices a run took."""
    if result.tasks["T"].outcome.startswith("SIGBUS"):
        return ERROR
    return AGAIN if result.tasks["M"].stats["messages"] > 1 else CHOICES[2]


def _flags(flags: dict[str, list[str]]) -> Part:
    rows = [(name, *attempts) for name, attempts in flags.items()]
    return table("What each attempt may do", ("", "attempt 1", "attempt 2"), rows)


def _outcome(record: Record) -> str:
    return str(record.values["outcome"])


def _recorded(records: list[Record], runs: dict[str, Result]) -> Part:
    rows = [
        (f"Linux {record.kernel}, recorded", _outcome(record), str(record.values["messages"]))
        for record in records
    ]
    rows += [
        (f"{name}, emulated", result.tasks["T"].outcome, str(result.tasks["M"].stats["messages"]))
        for name, result in runs.items()
    ]
    return table(
        "A read of the missing page, and a wake that brings nothing", ("", "T gets", "messages"), rows
    )
