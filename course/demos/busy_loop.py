"""The busy loop: a signal during write(), and a kernel that neither sleeps nor returns."""

from __future__ import annotations

from course.demos.parts import Clock, Part, code, kept, places, table, text, walk
from course.demos.script import Demo, Step, Vote
from course.views.steps import stepper
from course.views.words import flag_words
from pyemu import Tree, run
from pyemu.flags import FAULT_FLAG_DEFAULT, FaultFlag
from pyemu.machine import Result

__all__ = ["demo"]

OLD, NEW, FIXED = Tree.before, Tree.v5_7, Tree.parse("v5_7+B5")
ERROR, SHORT, NOTHING = "write() fails: EINTR", "A short count", "Nothing: all bytes are written"
RULE = """\
def fault_signal_pending(fault, regs):
    return fault & VM_FAULT_RETRY and (
        fatal_signal_pending(current) or (user_mode(regs) and signal_pending(current)))
"""


def demo() -> Demo:
    """Run the copy on both kernels and with the fix, on two CPUs and on one, and give the script."""
    old, new = run("S12", OLD), run("S12", NEW)
    hung, mended = run("B5", NEW), run("B5", FIXED)
    view = stepper(old, new)
    view.labels = ("Linux 5.6", "Linux 5.7")
    asleep = places(view, "sleep", "T")[1]  # the first one is a pause of T's own
    rounds = [place for place in places(view, "attempt_end", "T") if place > asleep][:2]
    attempts = new.trace.select("attempt", task="T")
    total = new.tasks["T"].stats["attempts"]
    outcome = new.tasks["T"].outcome
    return Demo(
        name="busy-loop",
        title="The busy loop",
        about="A harmless signal during write(): nobody sleeps, and nobody returns.",
        steps=(
            Step(
                "SIGUSR1 during write()",
                (
                    (
                        text(
                            "T writes a page to a file. The page is missing, so the kernel waits for M, T's "
                            "monitor, in the middle of its copy.",
                            "SIGUSR1, which has a handler, is pending. M brings the page "
                            f"{(old.ticks - 1) // 1000} ms later.",
                        ),
                    ),
                ),
                0.75,
                ask="What does write() give?",
                expect="EINTR, says nearly everybody.",
                sees=(ERROR, SHORT, NOTHING),
                vote="write",
            ),
            Step(
                "No error on either kernel",
                ((_outcomes({"Linux 5.6": old, "Linux 5.7": new}),),),
                0.5,
                say="All bytes, and no error. So is all well? Look at how it got there.",
                sees=(outcome,),
                reveals="write",
            ),
            Step(
                "One sleeps. The other one: RETRY, and again",
                walk(view, 0, [asleep, *rounds]),
                1,
                say="5.6 sleeps in state D until the page comes. 5.7 does not: RETRY, and the next attempt.",
                sees=("Linux 5.7: T ends attempt", "RETRY"),
            ),
            Step(
                "How often, until the page is there?",
                ((Clock("attempts", (attempts[0].t, 1), (attempts[-1].t, total)),),),
                0.75,
                say="Space starts the clock, slowed down; Space stops it. Let the room call the stop.",
                ask="What does the CPU do meanwhile?",
                expect="Nothing else.",
                sees=("attempts:", f"of {attempts[-1].t} us"),
                then=(" ", " "),
            ),
            Step(
                "Attempts and messages for one page",
                ((_outcomes({"Linux 5.6": old, "Linux 5.7": new}, every=True),),),
                0.5,
                say="The same result, and a CPU burnt.",
                sees=(str(total), str(new.tasks["T"].stats["messages_queued"])),
            ),
            Step(
                "Why does nobody sleep? Why does nobody return?",
                (
                    (text(f"Every fault starts with {flag_words(FAULT_FLAG_DEFAULT, FaultFlag)}."),),
                    (
                        text(f"Every fault starts with {flag_words(FAULT_FLAG_DEFAULT, FaultFlag)}."),
                        code(RULE, (3,)),
                    ),
                ),
                1,
                ask="Why does nobody sleep? And why does nobody return?",
                expect="Sleep: the pending signal. Return: takes longer.",
                say="INTERRUPTIBLE (patch 12): a pending signal forbids the sleep, in kernel mode as well. "
                "And kernel mode leaves for SIGKILL only: there is no user state to go back to.",
                sees=("INTERRUPTIBLE", "user_mode(regs)"),
            ),
            Step(
                "The same with one CPU",
                (
                    (
                        text(
                            "One CPU, and a kernel that is not preempted.",
                            f"The run ends: {hung.end}.",
                            *(f"{one[0].upper()}{one[1:]}." for one in hung.end_text.split("; ")),
                        ),
                    ),
                ),
                0.75,
                ask="M is to bring the page. When does it run?",
                expect="Silence. Then: never.",
                sees=(hung.end, "the only CPU"),
            ),
            Step(
                "A fix: only a fault from user mode is INTERRUPTIBLE",
                ((_outcomes({"Linux 5.7": hung, "with the fix": mended}, every=True),),),
                0.75,
                say="One message, one sleep. The loop was reported in 2025, and this repairs it.",
                sees=("with the fix", mended.tasks["T"].outcome),
                key="f",
            ),
        ),
        votes={
            "write": Vote(
                "SIGUSR1 is pending while the kernel copies. What does write() give?",
                (ERROR, SHORT, NOTHING),
                {_what(old): "Linux 5.6", _what(new): "Linux 5.7"}
                if _what(old) != _what(new)
                else {_what(new): "Linux 5.6 and Linux 5.7"},
            )
        },
        keys={" ": "start, stop", "f": "fix"},
        steppers=(kept(view, ("T", "M", "mmap_sem")),),
        sources=("Scenarios S12 and B5 of the emulator, on the trees before, v5_7 and v5_7+B5.",),
    )


def _what(result: Result) -> str:
    """Say which of the choices a run took; a page is written."""
    given = result.tasks["T"].outcome
    if not given.startswith("ret="):
        return ERROR
    return NOTHING if given == "ret=4096" else SHORT


def _count(result: Result, stat: str) -> str:
    counted = result.tasks["T"].stats[stat]
    return f"{counted}, and on" if result.end == "hang" and stat != "sleeps" else str(counted)


def _outcomes(runs: dict[str, Result], *, every: bool = False) -> Part:
    tasks = {name: result.tasks["T"] for name, result in runs.items()}
    rows = [("write() gives", *(task.outcome if task.outcome != "none" else "-" for task in tasks.values()))]
    if every:
        rows += [
            (words, *(_count(result, stat) for result in runs.values()))
            for words, stat in (
                ("attempts", "attempts"),
                ("messages", "messages_queued"),
                ("sleeps", "sleeps"),
            )
        ]
        rows.append(("the run ends", *(result.end for result in runs.values())))
    return table("T's write of one page", ("", *runs), rows)
