"""A learner's function in a child process: what it may do, what it is told, what it costs."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

import pyemu.stubs
from course.checks.answer import joined
from course.handlers import ChildHandler, Process
from course.nursery import nursery
from pyemu import Result, Tree, run
from pyemu.child import IMPORTED, OUTPUT_BYTES
from pyemu.handler import HandlerFault

NAME = "do_user_addr_fault"
HEAD = f"async def {NAME}(regs, error_code, address):\n"
RIGHT = (Path(__file__).parents[2] / "exercises/e04_loop/right/while_true.py").read_text(encoding="utf-8")


def go(source: str, scenario: str = "S13") -> Result:
    with ChildHandler(source, NAME) as handler:
        return run(scenario, Tree.after, {NAME: handler})


def finding(source: str) -> tuple[str, str]:
    """Give rule and text of what stops a handler, whether while loading or while running."""
    try:
        result = go(source)
    except HandlerFault as fault:
        return fault.rule, str(fault)
    assert len(result.findings) == 1
    return result.findings[0].rule, result.findings[0].text


@pytest.mark.parametrize("scenario", ["S13", "S10a", "S10b"])
def test_a_handler_in_a_child_gives_the_same_events_as_in_the_machines_own_process(scenario: str) -> None:
    names = dict(vars(pyemu.stubs))
    exec(RIGHT, names)
    here = run(scenario, Tree.after, {NAME: names[NAME]})
    remote = go(RIGHT, scenario)
    assert list(remote.trace) == list(here.trace)
    assert not remote.findings
    assert len(here.trace) > 50


def test_the_child_holds_stubs_and_flags_and_nothing_else_of_faultlab() -> None:
    with ChildHandler(RIGHT, NAME) as handler:
        run("S13", Tree.after, {NAME: handler})
        assert {".".join(name.split(".")[:2]) for name in handler.remote.modules()} == set(IMPORTED)
    assert not {"pyemu.kernel", "pyemu.state", "pyemu.machine", "pyemu.sched", "course"} & IMPORTED


CASES = {
    "forbidden import at the top": (
        "import pyemu.kernel\n" + HEAD + "    pass",
        "forbidden import",
        "pyemu.kernel",
    ),
    "forbidden import inside": (
        HEAD + "    from pyemu.machine import run",
        "forbidden import",
        "pyemu.machine",
    ),
    "forbidden import caught": (
        HEAD + "    try:\n        import pyemu.sched\n    except ImportError:\n        pass",
        "forbidden import",
        "pyemu.sched",
    ),
    "forbidden import of course": (HEAD + "    import course.checks", "forbidden import", "course"),
    "delegates": (
        f"import pyemu.stubs as s\n{HEAD}    await s.{NAME}(regs, error_code, address)",
        "delegates",
        "the name you replace leads to your own function",
    ),
    "effect not on the list": (
        f"from pyemu.effects import hardware as e\n{HEAD}    await e.access(address, 'read', 0)",
        "not on the list",
        "asked for access",
    ),
    "operation of another function": (
        HEAD + "    await get_pte(await current.mm, address)",
        "not on the list",
        "get_pte",
    ),
    "made-up operation": (
        f"from pyemu.effects import Effect\n{HEAD}    await Effect('format_disk', ())",
        "not on the list",
        "format_disk",
    ),
    "made-up call": (
        f"from pyemu.effects import Effect\n{HEAD}    await Effect('call', ())",
        "not on the list",
        "asked for",
    ),
    "made-up handle": (HEAD + "    await up_read(Mm(77))", "bad argument", "mm 77, which doesn't exist"),
    "wrong kind of argument": (HEAD + "    await handle_mm_fault(5, address, 0)", "bad argument", "vma = 5"),
    "number out of range": (
        HEAD + "    await find_vma(await current.mm, 1 << 80)",
        "bad argument",
        "address",
    ),
    "dropped effect": (
        HEAD + "    down_read(await current.mm)",
        "forgotten await",
        "put `await` before down_read(...)",
    ),
    "tested effect": (
        HEAD + "    if signal_pending(current): pass",
        "forgotten await",
        "put `await` before signal_pending",
    ),
    "foreign await": (
        f"class Odd:\n    def __await__(self):\n        yield 5\n{HEAD}    await Odd()",
        "foreign await",
        "none of the kernel's operations",
    ),
    "exception": (HEAD + "    x = 1\n    1 / 0", "crash", "ZeroDivisionError: division by zero (line 3)"),
    "exit": (HEAD + "    import os\n    os._exit(3)", "crash", "exit status 3"),
    "syntax": ("async def x(:", "syntax", "(line 1: async def x(:)"),
    "syntax in the second cell": (joined(["x = 1\n", "y = 2\nz = = 3"]), "syntax", "(line 2: z = = 3)"),
    "exception in the second cell": (
        joined(["x = 1\n" * 9, HEAD + "    y = x\n    1 / 0"]),
        "crash",
        "ZeroDivisionError: division by zero (line 3)",
    ),
    "missing": ("x = 1", "missing", f"defines no {NAME}"),
    "plain function": (f"def {NAME}(regs, error_code, address): pass", "wrong signature", "plain function"),
    "no function": (f"{NAME} = 5", "wrong signature", "is a int, not a function"),
    "wrong signature": (f"async def {NAME}(regs): pass", "wrong signature", "(regs, error_code, address)"),
    "raises while loading": ("1 / 0", "crash", "ZeroDivisionError"),
    "endless with effects": (
        HEAD + "    while True:\n        await signal_pending(current)",
        "endless",
        "goes round in circles",
    ),
}


@pytest.mark.parametrize(("source", "rule", "text"), CASES.values(), ids=CASES.keys())
def test_a_mistake_ends_in_one_finding_that_names_it(source: str, rule: str, text: str) -> None:
    found, message = finding(source)
    assert (found, text in message) == (rule, True), message
    assert "Traceback" not in message


def test_a_check_or_a_hint_in_the_cell_of_the_answer_does_nothing_there() -> None:
    result = go(RIGHT + "\nhint('e04_loop', 1)\ncheck('e04_loop', 's13', seed='x')\n")
    assert (result.findings, result.tasks["T"].outcome) == ((), "ret=5")


def seconds_of_children() -> float:
    """Give the CPU time of all children that have ended; the nursery has started and waited for them."""
    stat = Path(f"/proc/{nursery().pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(stat[13]) + int(stat[14])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize(
    "source", [HEAD + "    while True:\n        pass", "while True:\n    pass"], ids=["inside", "at the top"]
)
def test_an_endless_loop_without_an_effect_costs_two_seconds_of_cpu_and_an_explanation(source: str) -> None:
    go(RIGHT)
    before = seconds_of_children()
    rule, text = finding(source)
    spent = seconds_of_children() - before
    assert rule == "endless"
    assert "2 seconds of CPU time" in text
    assert 1.5 < spent < 4  # the child's own CPU, whatever else the machine does


def test_the_cpu_time_of_one_answer_does_not_count_against_the_next() -> None:
    # Three attempts with 0.8 s of work each: more than 2 s in all, and never 2 s without an effect.
    source = RIGHT.replace("    while True:\n", "    while True:\n        burn()\n", 1)
    burn = "import time\ndef burn():\n    end = time.process_time() + 0.8\n"
    burn += "    while time.process_time() < end: pass\n"
    assert not go(burn + source).findings


def test_what_a_handler_prints_is_kept_apart_up_to_a_limit_and_never_stops_it() -> None:
    talkative = RIGHT.replace("    while True:\n", "    print('x' * 100_000)\n    while True:\n", 1)
    with ChildHandler(talkative, NAME) as handler:
        result = run("S13", Tree.after, {NAME: handler})
    assert result.tasks["T"].outcome == "ret=5"
    assert not result.findings
    assert handler.printed == "x" * OUTPUT_BYTES


@pytest.mark.parametrize("last", ["1 / 0", "import os; os._exit(3)"], ids=["it lives", "it has ended"])
def test_no_process_and_no_descriptor_is_left(last: str) -> None:
    def open_files() -> list[str]:
        return sorted(path.name for path in Path("/proc/self/fd").iterdir())

    go(RIGHT)
    before = open_files()
    for source in (RIGHT, HEAD + "    1 / 0", "x = 1"):
        finding(source) if source != RIGHT else go(source)
    assert open_files() == before
    starts = HEAD + "    import subprocess; subprocess.Popen(['/bin/sleep', '600'])\n    "
    with ChildHandler(starts + last, NAME) as handler:
        process = handler._process
        assert isinstance(process, Process)
        run("S13", Tree.after, {NAME: handler})
        group = process.child
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError("a process of the handler is still there")


def test_a_handler_used_outside_its_block_says_so() -> None:
    with pytest.raises(HandlerFault, match="outside its `with` block"):
        ChildHandler(RIGHT, NAME).start(NAME, ())


def test_the_order_of_a_set_is_the_same_in_every_child() -> None:
    source = HEAD + "    print([*{'a', 'b', 'c', 'd', 'e', 'f'}])\n"
    printed = set()
    for _ in range(3):
        with ChildHandler(source, NAME) as handler:
            run("S13", Tree.after, {NAME: handler})
        printed.add(handler.printed)
    assert len(printed) == 1


FORKS = "import os, time\nfor _ in range({}):\n    if os.fork() == 0:\n        {}\n        time.sleep(30)\n"
LIMITS = {
    "memory": ("x = bytearray(3 << 30)\n", "MemoryError"),
    "processes": (FORKS.format(60, "pass") + "os.wait()\n", "processes"),
    "memory of all together": (FORKS.format(4, "x = bytearray(300 << 20)") + "os.wait()\n", "MB of memory"),
    "disk": ("open('/dev/shm/faultlab-test', 'wb').write(b'0' * (4 << 20))\n", "writes no files"),
    "input": ("input()\n", "no input"),
    "output": ("while True: print('x' * 100_000)\n", "MB of output"),
    "output that is hidden": (
        "try:\n    while True: print('x' * 100_000)\nexcept BaseException: pass\n",
        "MB of output",
    ),
    "many lines": ("while True: print()\n", "100,000 times"),
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_that_is_passed_is_named(name: str) -> None:
    source, text = LIMITS[name]
    rule, said = finding(source + RIGHT)
    Path("/dev/shm/faultlab-test").unlink(missing_ok=True)
    assert (rule, text in said) == ("limit", True), said


def test_what_a_cell_displays_is_printed() -> None:
    shows = "from IPython.display import HTML, display\ndisplay(HTML('<b>x</b>'), 5)\n"
    with ChildHandler(shows + RIGHT, NAME) as handler:
        run("S13", Tree.after, {NAME: handler})
    assert handler.printed == "<HTML>\n5\n"


def test_a_nursery_that_was_killed_is_started_again() -> None:
    go(RIGHT)
    killed = nursery().pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    nursery().sweep()
    assert not go(RIGHT).findings
    assert nursery().pid != killed
