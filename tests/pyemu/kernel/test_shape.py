"""The shape of kernel code (rule 9): the place in the code and the local names tell where a function is."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

import pyemu.kernel
import pyemu.program
from pyemu.calls import CALLS
from pyemu.effects import OPERATIONS

# The kernel, and the programs of a scenario: their frames are part of the explorer's state, too.
FILES = [
    path
    for package in (pyemu.kernel, pyemu.program)
    for path in sorted(Path(str(package.__file__)).parent.glob("**/*.py"))
]


def parents(tree: ast.AST) -> dict[ast.AST, ast.AST]:
    return {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}


def faults(source: str) -> list[str]:
    """Awaits in a place where they must not stand."""
    tree = ast.parse(source)
    above = parents(tree)
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Await):
            continue
        parent = above[node]
        whole = isinstance(parent, ast.Expr | ast.Return)
        whole |= isinstance(parent, ast.Assign | ast.AnnAssign) and parent.value is node
        whole |= isinstance(parent, ast.If) and parent.test is node
        if not whole:
            found.append(f"line {node.lineno}: an await is part of {type(parent).__name__}")
        while parent in above:
            if isinstance(parent, ast.For | ast.AsyncFor | ast.comprehension | ast.With | ast.Try):
                found.append(f"line {node.lineno}: {type(parent).__name__} stands around an await")
            if isinstance(parent, ast.While) and _inside(node, parent.test):
                found.append(f"line {node.lineno}: a while condition awaits")
            parent = above[parent]
    return found


def _inside(node: ast.AST, tree: ast.AST) -> bool:
    return any(one is node for one in ast.walk(tree))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_an_await_is_a_whole_statement_or_a_whole_right_side(path: Path) -> None:
    assert faults(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("line", "n"),
    [
        ("await one()", 0),
        ("x = await one()", 0),
        ("x: int = await one()", 0),
        ("return await one()", 0),
        ("if await one(): pass", 0),
        ("x = await one() | 1", 1),
        ("x = f(await one())", 1),
        ("x |= await one()", 1),
        ("if not await one(): pass", 1),
        ("if await one() and x: pass", 1),
        ("x, y = await one(), 1", 1),
        ("for x in y: await one()", 1),
        ("for x in await one(): pass", 2),
        ("x = [await one() for y in z]", 2),
        ("while await one(): pass", 2),
        ("while True: await one()", 0),
        ("with x: await one()", 1),
    ],
)
def test_the_rule_tells_right_from_wrong(line: str, n: int) -> None:
    assert len(faults(f"async def f():\n    {line}")) >= min(n, 1)
    assert bool(faults(f"async def f():\n    {line}")) is bool(n)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_every_effect_that_kernel_code_builds_is_awaited(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    above = parents(tree)
    names = set(OPERATIONS) | set(CALLS)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            assert isinstance(above[node], ast.Await), f"{path.name}:{node.lineno} {node.func.id}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_no_kernel_code_knows_a_patch_by_its_number(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"\bpatch(?:es)? \d|\bP\d+\b|\bupto\b|\bTree\b|\.patches\b", text) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_no_function_is_longer_than_sixty_lines(path: Path) -> None:
    functions = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    lengths = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions}
    assert {name: lines for name, lines in lengths.items() if lines > 60} == {}


@pytest.mark.parametrize("name", sorted(pyemu.kernel.load()))
def test_every_kernel_function_is_a_coroutine_with_a_sentence(name: str) -> None:
    function = pyemu.kernel.load()[name]
    assert inspect.iscoroutinefunction(function)
    assert (function.__doc__ or "").split("\n")[0].endswith(".")
