"""A learner's plain functions are called in another process, and only plain values cross."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from course.child_functions import Answers
from pyemu.handler import HandlerFault

VALUES = (
    *(None, True, 7, -1, 2**64, 1.5, "text", b"\x00\xff", (1, (2, 3)), {"a": 1, (1, 2): {3: b"x"}}),
    frozenset({1, 2}),
)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_plain_value_crosses_both_ways(value: object):
    with Answers("def same(value):\n    return value\n", ["same"]) as answers:
        given = answers.call("same", value)
    assert given == value
    assert type(given) is type(value)


def test_lists_come_back_as_tuples():
    with Answers("def f():\n    return [1, [2], {3: [4]}]\n", ["f"]) as answers:
        assert answers.call("f") == (1, (2,), {3: (4,)})


def test_a_table_is_read():
    with Answers("TABLE = {('user', 'SIGKILL'): True}\n", ["TABLE"]) as answers:
        assert answers.value("TABLE") == {("user", "SIGKILL"): True}


def test_the_names_of_the_kernel_are_known():
    with Answers("def f():\n    return VM_FAULT_RETRY | 1\n", ["f"]) as answers:
        assert answers.call("f") & 1


def test_a_function_remembers_within_one_process():
    source = "seen = []\ndef f(n):\n    seen.append(n)\n    return len(seen)\n"
    with Answers(source, ["f"]) as answers:
        assert [answers.call("f", 0), answers.call("f", 0)] == [1, 2]
    with Answers(source, ["f"]) as answers:
        assert answers.call("f", 0) == 1


def test_a_function_of_ours_is_called_here():
    asked: list[tuple[int, str]] = []

    def ours(n: int, word: str) -> int:
        asked.append((n, word))
        return n + 1

    with Answers("def f(run):\n    return run(run(1, 'a'), 'b')\n", ["f"]) as answers:
        assert answers.call("f", ours) == 3
    assert asked == [(1, "a"), (2, "b")]


def test_what_ours_refuses_reaches_the_learner_as_an_error_that_may_be_caught():
    def ours() -> None:
        raise ValueError("no more runs")

    caught = "def f(run):\n    try:\n        run()\n    except ValueError as no:\n        return str(no)\n"
    with Answers(caught, ["f"]) as answers:
        assert answers.call("f", ours) == "no more runs"
    with (
        Answers("def f(run):\n    run()\n", ["f"]) as answers,
        pytest.raises(HandlerFault, match=r"ValueError: no more runs \(line 2\)"),
    ):
        answers.call("f", ours)


@pytest.mark.parametrize(
    ("args", "said"),
    [((0, ("a",)), " The call was f(0, ('a',))."), (("long" * 50,), ""), ((len,), "")],
    ids=["short", "long", "function"],
)
def test_a_crash_names_the_call_when_it_is_short(args: tuple[object, ...], said: str):
    with (
        Answers("def f(*args):\n    return 1 / 0\n", ["f"]) as answers,
        pytest.raises(HandlerFault) as caught,
    ):
        answers.call("f", *args)
    assert str(caught.value).endswith("Your function must raise nothing." + said)


def test_calls_go_in_one_exchange_and_the_one_that_fails_is_named():
    source = "def f(n):\n    return {n: [10 // n, b'x']}\ndef g():\n    return None\n"
    with Answers(source, ["f", "g"]) as answers:
        assert answers.calls({"a": ("f", 2), ("b", 1): ("g",)}) == {"a": {2: (5, b"x")}, ("b", 1): None}
        assert answers.calls({}) == {}
        with pytest.raises(HandlerFault, match=r"f raised ZeroDivisionError.* The call was f\(0\)\.$"):
            answers.calls({1: ("f", 1), 2: ("f", 0), 3: ("f", 5)})
        assert answers.call("f", 5) == {5: (2, b"x")}


FAULTS = {
    "crash": ("def f():\n    return 1 / 0\n", "f raised ZeroDivisionError"),
    "endless": ("def f():\n    while True: pass\n", "a loop in it never ends"),
    "forbidden import": ("def f():\n    import pyemu.hw\n", "imports pyemu.hw"),
    "wrong signature": ("async def f():\n    pass\n", "write `def f"),
    "wrong result": ("def f():\n    return object()\n", "a object can't cross"),
}


@pytest.mark.parametrize("rule", FAULTS)
def test_what_goes_wrong_in_a_call_is_named(rule: str):
    source, message = FAULTS[rule]
    with Answers(source, ["f"]) as answers, pytest.raises(HandlerFault, match=message) as found:
        answers.call("f")
    assert found.value.rule == rule


def test_a_call_that_does_not_fit_the_function_names_no_line_of_ours():
    with Answers("def f(a): pass\n", ["f"]) as answers, pytest.raises(HandlerFault) as found:
        answers.call("f", 1, 2)
    assert str(found.value) == (
        "f raised TypeError: f() takes 1 positional argument but 2 were given. Your function must raise "
        "nothing. The call was f(1, 2)."
    )


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "defines no f"),
        ("def f(:\n", "can't be read"),
        ("1 / 0", "ZeroDivisionError before f was called"),
    ],
)
def test_a_source_that_is_no_answer_is_named(source: str, message: str):
    with pytest.raises(HandlerFault, match=message), Answers(source, ["f"]):
        pass


def test_an_import_that_is_caught_is_found_all_the_same():
    source = "def f():\n    try:\n        import course.checks\n    except ImportError:\n        return 1\n"
    with Answers(source, ["f"]) as answers, pytest.raises(HandlerFault, match="imports course"):
        answers.call("f")


def test_forged_answers_are_no_values():
    source = (
        "import gc, os, pyemu.child\n"
        "def f():\n"
        "    own = next(one for one in gc.get_objects() if isinstance(one, pyemu.child.Child))\n"
        '    os.write(own.send_to, b\'["result", {"pickle": "x"}]\\n\')\n'
    )
    with Answers(source, ["f"]) as answers, pytest.raises(HandlerFault, match="no value of the protocol"):
        answers.call("f")


def test_what_is_printed_is_kept():
    with Answers("print('loaded')\ndef f():\n    print('called')\n", ["f"]) as answers:
        answers.call("f")
    assert answers.printed == "loaded\ncalled\n"


def test_a_namespace_of_functions_is_called_one_by_one():
    machine = SimpleNamespace(read=lambda n: n + 1, halt=lambda: "halted")
    with Answers("def f(machine):\n    return machine.read(4), machine.halt()\n", ["f"]) as answers:
        assert answers.call("f", machine) == (5, "halted")


def test_a_function_of_ours_takes_arguments_by_name():
    def copy(to: int, source: int) -> tuple[int, int]:
        return to, source

    source = "def f(kernel):\n    return kernel.copy(source=2, to=1), kernel.copy(3, source=(4, 5))\n"
    with Answers(source, ["f"]) as answers:
        assert answers.call("f", SimpleNamespace(copy=copy)) == ((1, 2), (3, (4, 5)))


@pytest.mark.parametrize(
    ("called", "message"),
    [
        ("kernel.copy(1, form=2)", "copy: missing a required argument: 'source'; it takes (to, source)"),
        (
            "kernel.copy(1, 2, form=3)",
            "copy: got an unexpected keyword argument 'form'; it takes (to, source)",
        ),
        ("kernel.copy(1, 2, to=3)", "copy: multiple values for argument 'to'; it takes (to, source)"),
        ("kernel.copy(1, 2, 3)", "copy: too many positional arguments; it takes (to, source)"),
    ],
)
def test_a_call_that_does_not_fit_a_function_of_ours_is_told_in_its_words(called: str, message: str):
    class Machinery:
        def copy(self, to: int, source: int) -> None:
            raise AssertionError((to, source))

    caught = (
        f"def f(kernel):\n    try:\n        {called}\n    except ValueError as no:\n        return str(no)\n"
    )
    with Answers(caught, ["f"]) as answers:
        assert answers.call("f", SimpleNamespace(copy=Machinery().copy)) == message


def test_a_function_without_a_name_is_the_one_that_was_given():
    with (
        Answers("def f(run):\n    run(2)\n", ["f"]) as answers,
        pytest.raises(HandlerFault, match=r"the function that you were given: too many .*; it takes \(\)"),
    ):
        answers.call("f", lambda: None)
