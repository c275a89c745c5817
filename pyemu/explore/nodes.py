"""Nodes: where a running function stands, as a value that can be kept, compared and gone back to.

A coroutine can't be copied. But what a kernel function does depends on its arguments and on the results that
it got so far, and on nothing else. So a *node* stands for a function at one of its awaits; it knows what the
function asks for there, and which node each result leads to. A function runs once for each node; after that
the explorer walks from node to node without running anything.

Two nodes of the kernel's own code are the same one when the instruction and every local variable are the
same: a loop comes back to where it was. Nobody sees into a learner's function, which may run in another
process: its node is its arguments and its results so far. When these end in the same round three times, and
go on so when the round is played on, the third is taken for the second.

References
----------
Rules 9 to 11 of this project's architecture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from types import CoroutineType
from typing import Any

from pyemu.calls import KernelFunction
from pyemu.effects import Effect
from pyemu.handler import Done, HandlerFault
from pyemu.remote import RemoteFrame
from pyemu.sched.frames import Frame, KernelFrame, Source

ROUNDS = 3  # the same round so often in a row is a circle,
PLAYED_ON = 20  # if so many more give the same
LONGEST_ROUND = 64  # effects
MAX_RESULTS = 1_000  # of one call of a learner's function

Answer = Effect[Any] | Done | HandlerFault


class Node:
    """A function at one of its awaits, or at its end.

    Attributes
    ----------
    number : int
        Of the node; two nodes are the same one if their numbers are.
    name, args
        The function, and what it was called with.
    answer : Effect, Done, HandlerFault or None
        What it asks for here, what it returned, why it can't go on; None before its begin.
    parent, result
        From which node it was reached first, and with which result.
    """

    __slots__ = (
        "answer",
        "args",
        "begin",
        "children",
        "depth",
        "live",
        "name",
        "number",
        "override",
        "parent",
        "result",
    )

    def __init__(
        self, number: int, name: str, args: tuple[Any, ...], begin: Callable[[], Frame], override: bool
    ) -> None:
        self.number = number
        self.name = name
        self.args = args
        self.begin = begin
        self.override = override
        self.answer: Answer | None = None
        self.parent: Node | None = None
        self.result: Any = None
        self.depth = 0
        self.children: dict[Any, Node] = {}
        self.live: Frame | None = None  # a frame that stands here, if one is left

    def path(self) -> list[Node]:
        """Give the nodes from the begin to here, without the begin itself."""
        found: list[Node] = []
        node = self
        while node.parent is not None:
            found.append(node)
            node = node.parent
        return found[::-1]


class NodeFrame:
    """A frame that walks along nodes; to copy it is to copy a reference."""

    __slots__ = ("name", "node", "nodes", "override")

    def __init__(self, nodes: Nodes, node: Node) -> None:
        self.nodes = nodes
        self.node = node
        self.name = node.name
        self.override = node.override

    def resume(self, value: Any) -> Effect[Any] | Done:
        """Go on with the result of the last effect."""
        child = self.node.children.get(value)
        if child is None:
            child = self.nodes.grow(self.node, value)
        self.node = child
        answer = child.answer
        if isinstance(answer, HandlerFault):
            raise HandlerFault(answer.rule, str(answer))
        if answer is None:
            raise AssertionError(f"{child.name} has an answer once it has begun")
        return answer

    def close(self) -> None:
        """End early; nothing runs, so nothing has to be ended."""


class Nodes:
    """Every node that was met, and the only place where functions run.

    Parameters
    ----------
    functions : mapping
        The kernel's own code, by name.
    override : mapping
        What replaces kernel functions.
    """

    def __init__(self, functions: Mapping[str, KernelFunction], override: Mapping[str, Source]) -> None:
        self.functions = functions
        self.override = override
        self.n_nodes = 0
        self.n_runs = 0  # how often a function was begun anew, to stand once more where it stood
        self.begins: dict[Any, Node] = {}
        self.same: dict[Any, Node] = {}
        self.asked: list[Node] = []  # the nodes of overrides, in order

    def frame(self, name: str, args: tuple[Any, ...]) -> NodeFrame:
        """Start a kernel function, or what replaces it."""
        node = self.begins.get((name, args))
        if node is None:
            if name in self.override:
                source = self.override[name]
                node = self._new(name, args, lambda: source.start(name, args), True)
            else:
                function = self.functions[name]
                node = self._new(name, args, lambda: KernelFrame(name, function, args), False)
            self.begins[name, args] = node
        return NodeFrame(self, node)

    def program(self, frame: KernelFrame) -> NodeFrame:
        """Start what a task runs first."""
        function, args = frame.function, frame.args
        node = self.begins.get((function, args))
        if node is None:
            node = self._new(frame.name, args, lambda: KernelFrame(frame.name, function, args), False)
            self.begins[function, args] = node
        return NodeFrame(self, node)

    def _new(self, name: str, args: tuple[Any, ...], begin: Callable[[], Frame], override: bool) -> Node:
        self.n_nodes += 1
        return Node(self.n_nodes, name, args, begin, override)

    # ------------------------------------------------------------------------------------ growing

    def grow(self, node: Node, value: Any) -> Node:
        """Run a function on from a node, and give where it stands then."""
        frame, answer = self._go_on(node, value)
        if node.override:
            child = self._child(node, value, answer)
            child.live = frame
            self.asked.append(child)
            child = self._without_repetition(child)
        else:
            identity = (node.name, *_identity(frame, answer))
            found = self.same.get(identity)
            child = self._child(node, value, answer) if found is None else found
            self.same[identity] = child
            if not isinstance(answer, Done):
                child.live = frame
        node.children[value] = child
        return child

    def _child(self, node: Node, value: Any, answer: Answer) -> Node:
        child = self._new(node.name, node.args, node.begin, node.override)
        child.parent, child.result, child.answer, child.depth = node, value, answer, node.depth + 1
        if node.override and child.depth > MAX_RESULTS:
            child.answer = HandlerFault(
                "endless",
                f"{node.name} made {MAX_RESULTS} operations and calls and was not finished. Ask what ends "
                "your loop.",
            )
        return child

    def _go_on(self, node: Node, value: Any) -> tuple[Frame, Answer]:
        """Resume the frame that is left at a node, or one that is begun anew and run up to it."""
        frame, node.live = node.live, None
        if frame is not None:
            return frame, _resume(frame, value)
        self.n_runs += 1
        return run_again(node, value)

    def _without_repetition(self, node: Node) -> Node:
        """Give the node one round earlier, if the last rounds of a learner's function are all the same."""
        path = node.path()
        log = [(_question(one.answer), one.result) for one in path]
        for length in range(1, min(LONGEST_ROUND, len(log) // ROUNDS) + 1):
            last = log[-length:]
            if log[-ROUNDS * length :] == last * ROUNDS and self._plays_on(node, last):
                return path[-1 - length]
        return node

    def _plays_on(self, node: Node, last: list[tuple[Any, Any]]) -> bool:
        """Say whether a function goes on in the same round when it gets the same results."""
        asked = last * PLAYED_ON
        frame, answer = self._go_on(node, asked[0][1])
        for (question, _), (_, result) in pairwise(asked):
            if _question(answer) != question:
                return False
            answer = _resume(frame, result)
        return bool(_question(answer) == asked[-1][0])


def asks_otherwise(node: Node, source: Source) -> str:
    """Ask a learner's function again, from its begin.

    Parameters
    ----------
    node : Node
        Of an override.
    source : Source
        Where its function begins: best in a process that has run nothing else.

    Returns
    -------
    str
        What it asks for this time, if that is something else; empty when it asks for the same.
    """
    _, answer = run_again(node, frame=source.start(node.name, node.args))
    return "" if _question(answer) == _question(node.answer) else described(answer)


def described(answer: Answer | None) -> str:
    """Name what a function asked for, or how it ended."""
    if isinstance(answer, Effect):
        return answer.title
    return f"the result {answer.value!r}" if isinstance(answer, Done) else str(answer)


def run_again(node: Node, *more: Any, frame: Frame | None = None) -> tuple[Frame, Answer]:
    """Begin a node's function anew and run it up to the node, with the results that it got, and on."""
    frame = node.begin() if frame is None else frame
    first, *results = (*(one.result for one in node.path()), *more)
    if isinstance(frame, RemoteFrame):
        try:
            return frame, frame.run(results)
        except HandlerFault as fault:
            return frame, fault
    answer = _resume(frame, first)
    for result in results:
        answer = _resume(frame, result)
    return frame, answer


def _resume(frame: Frame, value: Any) -> Answer:
    try:
        return frame.resume(value)
    except HandlerFault as fault:
        return fault


def _question(answer: Answer | None) -> tuple[Any, ...]:
    """What a function asks for, as a value."""
    if isinstance(answer, Effect):
        return (answer.op, answer.args)
    return (type(answer).__name__, str(answer) if isinstance(answer, HandlerFault) else answer)


def _identity(frame: Frame, answer: Answer) -> tuple[Any, ...]:
    """Say where a function of the kernel stands: the instruction and the locals, of its helpers as well."""
    if isinstance(answer, Done):
        return ("done", answer.value)
    if not isinstance(frame, KernelFrame):
        raise AssertionError(f"{frame.name} is no function of the kernel")
    return tuple(_stands(frame.coroutine))


def _stands(coroutine: Any) -> Iterator[Any]:
    while isinstance(coroutine, CoroutineType):
        at: Any = coroutine.cr_frame
        yield at.f_code
        yield at.f_lasti
        for name, value in at.f_locals.items():
            yield name, frozen(value)
        coroutine = coroutine.cr_await


def frozen(value: Any) -> Any:
    """Give a value that can be compared and looked up in place of one that can't."""
    if isinstance(value, list):
        return ("list", tuple(map(frozen, value)))
    if isinstance(value, dict):
        return ("dict", tuple((key, frozen(one)) for key, one in value.items()))
    return value
