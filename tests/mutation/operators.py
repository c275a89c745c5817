"""Mutants of kernel code, made by operators: one small change in one place of one module.

==================  ====================================================================================
drop statement      a call, an assignment with an operator or a ``continue`` becomes ``pass``
drop lock call      the same, of an operation that takes, releases, queues, wakes or sleeps
swap statements     two neighbours change places
negate condition    of an ``if`` or a conditional expression, of what ``not`` stands before, of a policy
other flag          a name such as ``FAULT_FLAG_USER`` becomes another of its family
other constant      a number becomes its successor, True becomes False
other operator      ``and`` / ``or``, ``|`` / ``&``, ``<`` / ``<=``, ``==`` / ``!=``, ``+`` / ``-``
==================  ====================================================================================

Docstrings, annotations, imports and decorators are no code of the kernel and are left alone. So are two swaps
that say nothing of the tests: of two reads that touch nothing and don't use each other's result, which change
no run; and of a statement with one that uses its result, which ends in a NameError.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

FAMILIES: tuple[tuple[str, ...], ...] = (
    (
        *("FAULT_FLAG_WRITE", "FAULT_FLAG_USER", "FAULT_FLAG_TRIED", "FAULT_FLAG_ALLOW_RETRY"),
        *("FAULT_FLAG_KILLABLE", "FAULT_FLAG_RETRY_NOWAIT", "FAULT_FLAG_REMOTE", "FAULT_FLAG_INSTRUCTION"),
        "FAULT_FLAG_INTERRUPTIBLE",
    ),
    (
        *("VM_FAULT_SIGBUS", "VM_FAULT_SIGSEGV", "VM_FAULT_OOM", "VM_FAULT_MAJOR", "VM_FAULT_RETRY"),
        *("VM_FAULT_NOPAGE", "VM_FAULT_LOCKED"),
    ),
    ("VM_READ", "VM_WRITE", "VM_EXEC", "VM_SHARED"),
    ("VM_UFFD_MISSING", "VM_UFFD_WP"),
    ("TASK_INTERRUPTIBLE", "TASK_KILLABLE", "TASK_UNINTERRUPTIBLE"),
    ("X86_PF_WRITE", "X86_PF_PROT", "X86_PF_USER", "X86_PF_INSTR"),
    ("FOLL_WRITE", "FOLL_NOWAIT", "FOLL_TRIED", "FOLL_REMOTE", "FOLL_POPULATE", "FOLL_MLOCK", "FOLL_GET"),
    ("EFAULT", "EINTR", "EINVAL", "ENOMEM", "EEXIST", "ENOENT", "EBUSY", "EIO", "ERESTARTSYS"),
    ("SIGBUS", "SIGSEGV", "SIGKILL"),
    ("BUS_ADRERR", "SEGV_MAPERR", "SEGV_ACCERR"),
    ("PAGE_RW", "PAGE_DIRTY", "PAGE_PRESENT", "PAGE_UFFD_WP"),
)
LOCKS = (
    *("down_", "up_", "lock_", "unlock_", "trylock_", "wait_on_", "schedule", "set_current_state"),
    *("wake", "spin_", "userfaultfd_queue", "userfaultfd_dequeue", "userfaultfd_wake"),
)
PAIRS = (
    *((ast.And, ast.Or), (ast.BitOr, ast.BitAnd), (ast.Lt, ast.LtE), (ast.Gt, ast.GtE)),
    *((ast.Eq, ast.NotEq), (ast.Add, ast.Sub), (ast.Is, ast.IsNot)),
)
OTHER: dict[type[ast.AST], type[ast.AST]] = dict(PAIRS) | {b: a for a, b in PAIRS}
FIXED = (  # statements that stand where they stand
    *(ast.Return, ast.Continue, ast.Break, ast.Raise, ast.Import, ast.ImportFrom),
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef),
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change.

    Attributes
    ----------
    module : str
        Dotted name of the changed module.
    function : str
        Function that holds the place.
    line : int
        Where.
    operator : str
        What kind of change.
    before, after : str
        The changed piece of code, shortened.
    source : str
        The whole changed module.
    """

    module: str
    function: str
    line: int
    operator: str
    before: str
    after: str
    source: str

    @property
    def name(self) -> str:
        """What it is, on one line."""
        return f"{self.module} {self.function}: {self.operator}: {self.before} -> {self.after}"


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one node: `apply` makes it in a copy of the tree."""

    operator: str
    line: int
    before: str
    after: str
    apply: Callable[[Any], None]


def mutants(module: str, source: str) -> list[Mutant]:
    """Give every mutant of a module's functions.

    Parameters
    ----------
    module : str
        Its dotted name.
    source : str
        Its code.

    Returns
    -------
    list of Mutant
        In the order of lines; none is equal to the module or to another one.
    """
    tree = ast.parse(source)
    seen = {ast.unparse(tree)}
    found: list[Mutant] = []
    for place, row in enumerate(tree.body):
        if not isinstance(row, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        nodes = [number for number, node in enumerate(ast.walk(row)) if not _beside(row, node)]
        for number in nodes:
            for change in _changes(_nth(row, number)):
                changed = copy.deepcopy(tree)
                change.apply(_nth(changed.body[place], number))
                text = ast.unparse(ast.fix_missing_locations(changed))
                if text not in seen:
                    seen.add(text)
                    found.append(
                        Mutant(
                            module, row.name, change.line, change.operator, change.before, change.after, text
                        )
                    )
    return sorted(found, key=lambda one: (one.line, one.operator, one.before, one.after))


def _nth(tree: ast.AST, number: int) -> ast.AST:
    return next(node for place, node in enumerate(ast.walk(tree)) if place == number)


def _beside(function: ast.FunctionDef | ast.AsyncFunctionDef, node: ast.AST) -> bool:
    """Say whether a node is of a function's signature or decorators, or of an annotation."""
    beside = [function.args, *function.decorator_list, *([function.returns] if function.returns else [])]
    beside += [one.annotation for one in ast.walk(function) if isinstance(one, ast.AnnAssign)]
    return any(node is one for tree in beside for one in ast.walk(tree))


def _changes(node: ast.AST) -> Iterator[Change]:
    """Give the changes of a node: of its statements, its condition, its parts."""
    for field in ("body", "orelse"):
        rows = getattr(node, field, None)
        if isinstance(rows, list):
            yield from _of_statements(field, rows)
    if isinstance(node, ast.If | ast.IfExp):
        yield from _of_condition(node)
    for field, value in ast.iter_fields(node):
        parts = enumerate(value) if isinstance(value, list) else [(None, value)]
        for index, part in parts:
            other = _other(part)
            if other is not None and field != "test":
                yield _replaced(node, field, index, part, *other)


def _of_statements(field: str, rows: list[ast.stmt]) -> Iterator[Change]:
    for index, row in enumerate(rows):
        if _may_go(row):
            yield _rewritten(_drop_name(row), field, index, [row], [ast.Pass()])
        if index + 1 < len(rows) and _may_swap(row, rows[index + 1]):
            pair = [row, rows[index + 1]]
            yield _rewritten("swap statements", field, index, pair, pair[::-1])


def _rewritten(operator: str, field: str, index: int, old: list[ast.stmt], new: list[ast.stmt]) -> Change:
    def apply(place: Any) -> None:
        getattr(place, field)[index : index + len(old)] = copy.deepcopy(new)

    return Change(operator, old[0].lineno, _text(*old), _text(*new), apply)


def _may_go(row: ast.stmt) -> bool:
    if isinstance(row, ast.Expr):
        return isinstance(row.value, ast.Await | ast.Call)
    return isinstance(row, ast.AugAssign | ast.Continue)


def _drop_name(row: ast.stmt) -> str:
    calls = [node.func for node in ast.walk(row) if isinstance(node, ast.Call)]
    locks = any(isinstance(one, ast.Name) and one.id.startswith(LOCKS) for one in calls)
    return "drop lock call" if locks else "drop statement"


def _may_swap(first: ast.stmt, second: ast.stmt) -> bool:
    if any(isinstance(one, FIXED) or _is_text(one) for one in (first, second)):
        return False
    if _names(first, ast.Store) & _names(second, ast.Load):
        return False
    return not (_is_plain_read(first) and _is_plain_read(second))


def _is_text(row: ast.stmt) -> bool:
    return isinstance(row, ast.Expr) and isinstance(row.value, ast.Constant)


def _names(tree: ast.AST, context: type[ast.expr_context]) -> set[str]:
    names = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    return {node.id for node in names if isinstance(node.ctx, context)}


def _is_plain_read(row: ast.stmt) -> bool:
    """Say whether a statement only reads a field of a handle, the policies, or values it has."""
    if not isinstance(row, ast.Assign | ast.AnnAssign) or row.value is None:
        return False
    awaits = isinstance(row.value, ast.Await)
    value = row.value.value if isinstance(row.value, ast.Await) else row.value
    if isinstance(value, ast.Attribute):
        return True
    return ast.unparse(value) == "policies()" if awaits else not _calls(value)


def _calls(tree: ast.AST) -> bool:
    return any(isinstance(node, ast.Call) for node in ast.walk(tree))


def _of_condition(node: ast.If | ast.IfExp) -> Iterator[Change]:
    test = node.test
    if isinstance(test, ast.Await):  # an await stands alone: the branch is always or never taken instead
        for always in (True, False):
            yield _replaced(node, "test", None, test, "negate condition", ast.Constant(always), awaits=True)
    else:
        yield _replaced(node, "test", None, test, "negate condition", _negated(test))
        other = _other(test)
        if other is not None:
            yield _replaced(node, "test", None, test, *other)


def _negated(test: ast.expr) -> ast.expr:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Eq | ast.NotEq | ast.Is | ast.IsNot):
        turned = copy.deepcopy(test)
        setattr(turned, "ops", [OTHER[type(test.ops[0])]()])  # noqa: B010  mypy can't follow the table
        return turned
    return ast.UnaryOp(ast.Not(), test)


def _other(part: object) -> tuple[str, ast.AST] | None:
    """Give what an operator puts in the place of a part of an expression."""
    if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load):
        family = next((one for one in FAMILIES if part.id in one), ())
        return ("other flag", _name(family[(family.index(part.id) + 1) % len(family)])) if family else None
    if isinstance(part, ast.Constant) and isinstance(part.value, bool):
        return "other constant", ast.Constant(not part.value)
    if isinstance(part, ast.Constant) and isinstance(part.value, int):
        return "other constant", ast.Constant(part.value + 1)
    if isinstance(part, ast.AST) and type(part) in OTHER:
        return "other operator", OTHER[type(part)]()
    if isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.Not):
        return "negate condition", part.operand
    if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == "policy":
        return "negate condition", ast.UnaryOp(ast.Not(), part)
    return None


def _name(text: str) -> ast.Name:
    return ast.Name(text, ast.Load())


def _replaced(
    node: ast.AST,
    field: str,
    index: int | None,
    part: ast.AST,
    operator: str,
    new: ast.AST,
    *,
    awaits: bool = False,
) -> Change:
    """Put something else in the place of a part; an await that goes is made before, for what it does."""

    def apply(place: Any) -> None:
        if awaits:
            place.body.insert(0, ast.Expr(copy.deepcopy(part)))  # type: ignore[arg-type]  # an ast.Await
        if index is None:
            setattr(place, field, copy.deepcopy(new))
        else:
            getattr(place, field)[index] = copy.deepcopy(new)

    line = int(getattr(part, "lineno", 0) or getattr(node, "lineno", 0))
    if isinstance(node, ast.stmt) and isinstance(part, ast.expr):
        return Change(operator, line, _text(part), _text(new), apply)
    whole = copy.deepcopy(node)
    before = _text(whole)
    apply(whole)
    return Change(operator, line, before, _text(whole), apply)


def _text(*trees: ast.AST) -> str:
    text = " ".join("; ".join(ast.unparse(ast.fix_missing_locations(tree)) for tree in trees).split())
    return text if len(text) <= 100 else text[:97] + "..."
