"""The child: runs a learner's function in a process of its own, and holds nothing of the kernel.

It gets the source of the function, starts frames of it, and sends what they await (`pyemu.wire`). Its
standard output goes to what its parent opened, up to a limit. `IMPORTED` says which modules of faultlab it
may hold: a handler that imports another one is told so.
"""

from __future__ import annotations

import inspect
import io
import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import SimpleNamespace
from typing import Any

from pyemu import display, wire
from pyemu.effects import Effect
from pyemu.effects.handles import Mm
from pyemu.errors import ForgottenAwait, HandlerError, WireError
from pyemu.handler import (
    Done,
    ForbiddenImport,
    HandlerFault,
    LocalFrame,
    LocalSource,
    crash,
)

IMPORTED = frozenset(
    {
        "pyemu",
        *(f"pyemu.{name}" for name in ("calls", "child", "display", "effects", "errors", "flags", "handler")),
        *(f"pyemu.{name}" for name in ("nursery", "proctree", "stubs", "wire")),
    }
)
CPU_SECONDS = 2.0
OUTPUT_BYTES = 64 * 1024  # kept of what a learner's code prints
FLOOD_BYTES = 4 << 20  # more is no use to anybody, and taken for an attempt to drown the reader
FLOOD_WRITES = 100_000
FLOOD = (
    f"your code printed more than {FLOOD_BYTES >> 20} MB of output, or more than {FLOOD_WRITES:,} times: "
    "print in a few places only."
)
ENDLESS = (
    "your code ran for {seconds:.0f} seconds of CPU time without asking for anything: a loop in it never "
    "ends. Something must end each loop, and each round of a retry loop awaits something."
)
TIMES = 10  # that something of ours is run before: Python has made its code faster by then
FILENAME = "<your code>"
BESIDE = ("check", "hint")  # their calls often stand in the cell of the answer itself
CELL_END = "\n\f\n"  # between the cells of a source: lines are counted in each, as in its notebook


def beside(*args: object, **named: object) -> None:
    """Do nothing, in the place of what a notebook's author calls beside an answer (`BESIDE`)."""


class ImportGuard:
    """Refuses the modules of faultlab that a handler must not hold."""

    def __init__(self) -> None:
        self.refused: list[str] = []

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: Any = None
    ) -> ModuleSpec | None:
        """Raise for a forbidden module, leave the others to the next finder."""
        if name.partition(".")[0] in ("pyemu", "course") and ".".join(name.split(".")[:2]) not in IMPORTED:
            self.refused.append(name)
            raise ForbiddenImport(
                f"your code imports {name}: an answer may import pyemu.stubs and pyemu.flags, and nothing "
                "else of faultlab."
            )
        return None


class OutputFlood(BaseException):
    """A learner's code printed without end; not an `Exception`, so that ``except Exception`` lets it pass."""


class BoundedOutput(io.TextIOBase):
    """Standard output of a handler: kept up to a limit, forgotten up to a second one, then refused."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.n_bytes = 0
        self.n_writes = 0

    @property
    def flooded(self) -> bool:
        """Whether more was printed than anybody reads."""
        return self.n_bytes > FLOOD_BYTES or self.n_writes > FLOOD_WRITES

    def writable(self) -> bool:
        """Say that it can be written."""
        return True

    def write(self, text: str) -> int:
        """Write what fits, forget the rest."""
        data = text.encode("utf-8", "replace")
        kept = data[: max(0, OUTPUT_BYTES - self.n_bytes)]
        self.n_bytes += len(data)
        self.n_writes += 1
        if self.flooded:
            raise OutputFlood
        if kept:
            os.write(self.descriptor, kept)
        return len(text)


class Worker:
    """Runs a learner's code as the machine's messages ask, and answers each.

    What it has to ask meanwhile, `question` brings to the machine.
    """

    def __init__(self) -> None:
        self.guard = ImportGuard()
        self.source: LocalSource | None = None
        self.frames: dict[int, LocalFrame] = {}
        self.namespace: dict[str, Any] = {}

    def question(self, message: bytes) -> bytes:
        """Ask the machine, and give its answer."""
        raise NotImplementedError

    def guard_imports(self, namespace: dict[str, Any]) -> None:
        """Put the guard where the imports of code with these names pass."""
        raise NotImplementedError

    def answer(self, message: list[Any]) -> bytes:
        """Give the answer to one message."""
        kind, *rest = message
        frame = rest[0] if kind in ("start", "go", "close") else -1
        try:
            return self.act(kind, rest)
        except HandlerFault as fault:
            return wire.encode("fault", frame, fault.rule, str(fault))
        except (HandlerError, WireError) as error:
            rule = "wrong signature" if kind == "load" else "protocol"
            return wire.encode("fault", frame, rule, str(error))
        except OutputFlood:
            return wire.encode("fault", frame, "limit", FLOOD)
        except RecursionError:
            text = "your code calls itself without end (RecursionError)."
            return wire.encode("fault", frame, "crash", text)

    def act(self, kind: str, rest: list[Any]) -> bytes:
        """Do what a message asks."""
        match kind:
            case "load":
                self.load(*rest)
                return wire.encode("ready")
            case "start":
                number, name, args, results = rest
                if self.source is None:
                    raise HandlerFault("protocol", "start came before load.")
                begun = self.frames[number] = self.source.start(name, wire.unpack(args))
                values: list[Any] = [None, *wire.unpack(results)]
                for value in values[:-1]:
                    begun.resume(value)
                return self.resume(number, values[-1])
            case "go":
                return self.resume(rest[0], wire.unpack(rest[1]))
            case "close":
                frame = self.frames.pop(rest[0], None)
                if frame is not None:
                    frame.close()
                return wire.encode("closed", rest[0])
            case "define":
                source, names = rest
                self.define(source, names)
                return wire.encode("ready")
            case "call":
                name, args = rest
                return wire.encode("result", self.called(name, args))
            case "calls":
                return wire.encode("result", self.called_in_turn(rest[0]))
            case "value":
                return wire.encode("result", wire.pack_plain(self.namespace[rest[0]]))
            case _:
                return wire.encode(
                    "modules", sorted(name for name in sys.modules if name.startswith(("pyemu", "course")))
                )

    def resume(self, number: int, value: Any) -> bytes:
        """Go on with a frame and say what it asks for."""
        frame = self.frames[number]
        where = frame.line()
        try:
            answer = frame.resume(value)
        finally:
            self.check_imports()
            self.check_output()
        if isinstance(answer, Effect):
            return wire.encode("effect", number, answer.op, wire.pack(answer.args), frame.line())
        self.frames.pop(number)
        if isinstance(answer, Done):
            return wire.encode("done", number, wire.pack(answer.value))
        raise HandlerFault("protocol", f"frame {number}{where} gave neither an effect nor a result.")

    def check_imports(self) -> None:
        """Report a refused import, even when the handler caught it."""
        if self.guard.refused:
            raise HandlerFault(
                "forbidden import",
                f"your code imports {self.guard.refused[0]}: an answer may import pyemu.stubs and "
                "pyemu.flags, and nothing else of faultlab.",
            )

    def check_output(self) -> None:
        """Report a flood of output, even when the code caught what it raised."""
        if getattr(sys.stdout, "flooded", False):
            raise HandlerFault("limit", FLOOD)

    def load(self, source: str, function: str, name: str) -> None:
        """Run the learner's source and find the function, which may have another name there."""
        namespace, given = self.executed(source, name)
        found = namespace.get(name)
        if found is None or found is given.get(name):
            raise HandlerFault("missing", f"your code defines no {name}: write `async def {name}(...)`.")
        self.source = LocalSource(function, found)

    def define(self, source: str, names: list[str]) -> None:
        """Run the learner's source and find what it must define."""
        self.namespace, given = self.executed(source, names[0])
        for name in names:
            if self.namespace.get(name, given) is given.get(name, given):
                raise HandlerFault(
                    "missing", f"your code defines no {name}; the cell of {name} is part of it."
                )

    def executed(self, source: str, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Run the learner's source; give its names, and those that are known in it."""
        import pyemu.stubs as stubs

        given = {one: getattr(stubs, one) for one in stubs.__all__} | dict.fromkeys(BESIDE, beside)
        namespace = given | {"__name__": "handler"}
        self.guard_imports(namespace)
        try:
            for code in [compile(cell, FILENAME, "exec") for cell in source.split(CELL_END)]:
                exec(code, namespace)
        except SyntaxError as error:
            line = f"line {error.lineno}: {(error.text or '').strip()}".removesuffix(": ")
            raise HandlerFault("syntax", f"your code can't be read: {error.msg} ({line}).") from None
        except ForbiddenImport as error:
            raise HandlerFault("forbidden import", str(error)) from None
        except BaseException as error:  # noqa: BLE001  whatever a learner's code raises is a finding
            self.check_output()
            raise crash("your code", error, f" before {name} was called") from None
        self.check_imports()
        self.check_output()
        return namespace, given

    def called_in_turn(self, calls: list[Any]) -> Any:
        """Call plain functions until one fails; give what they returned, and the fault or None, packed."""
        results: list[Any] = []
        failed = None
        for name, args in calls:
            try:
                results.append(self.called(name, args))
            except HandlerFault as fault:
                failed = wire.pack_plain((fault.rule, str(fault)))
                break
        return {"tuple": [{"tuple": results}, failed]}

    def called(self, name: str, args: list[Any]) -> Any:
        """Call a plain function; give what it returned, packed."""
        function = self.namespace[name]
        if not callable(function):
            raise HandlerFault("wrong signature", f"{name} is a {type(function).__name__}, not a function.")
        values = [self.argument(one) for one in args]
        try:
            result = function(*values)
        except HandlerFault:
            raise
        except ForbiddenImport as error:
            raise HandlerFault("forbidden import", str(error)) from None
        except ForgottenAwait as error:
            raise requested(name, error.title) from None
        except Exception as error:  # noqa: BLE001  whatever a learner's code raises is a finding
            raise crash(name, error) from None
        finally:
            self.check_imports()
            self.check_output()
        if inspect.iscoroutine(result):
            result.close()
            raise HandlerFault("wrong signature", f"{name} is an `async def`; write `def {name}(...)`.")
        if isinstance(result, Effect):
            raise requested(name, result.title)
        try:
            return wire.pack_plain(result)
        except WireError as error:
            raise HandlerFault("wrong result", f"{name} returned what can't be judged: {error}") from None

    def argument(self, packed: Any) -> Any:
        """Give an argument of a call: a plain value, or what asks the other side."""
        match packed:
            case {"ask": name}:
                return self.asking(name)
            case {"ask each": dict(names)}:
                return SimpleNamespace(**{one: self.asking(name) for one, name in names.items()})
            case _:
                return wire.unpack_plain(packed)

    def asking(self, name: str) -> Callable[..., Any]:
        """Give a function that asks the other side."""

        def asked(*args: Any, **named: Any) -> Any:
            packed = {one: wire.pack_plain(value) for one, value in named.items()}
            question = wire.encode("ask", name, [wire.pack_plain(arg) for arg in args], packed)
            kind, value = wire.decode(self.question(question))
            if kind == "refuse":
                raise ValueError(value)
            return wire.unpack_plain(value)

        return asked


def requested(name: str, title: str) -> HandlerFault:
    """Give the fault of a plain function that used a request to the kernel as if it were a value."""
    return HandlerFault(
        "wrong result",
        f"{name} built {title}, a request to the kernel. A plain function can ask for nothing: it decides by "
        "its arguments alone.",
    )


class Child(Worker):
    """A worker at the end of two pipes.

    Parameters
    ----------
    receive, send : int
        Descriptors.
    """

    def __init__(self, receive: int, send: int) -> None:
        super().__init__()
        self.incoming = os.fdopen(receive, "rb")
        self.send_to = send

    def serve(self) -> None:
        """Answer until the machine closes its end."""
        for line in self.incoming:
            self.send(self.answer(wire.decode(line)))

    def send(self, message: bytes) -> None:
        """Send a message."""
        view = memoryview(message)
        while view:
            view = view[os.write(self.send_to, view) :]

    def question(self, message: bytes) -> bytes:
        """Ask the machine, and give its answer."""
        self.send(message)
        return self.incoming.readline()

    def guard_imports(self, namespace: dict[str, Any]) -> None:
        """Put the guard before all finders: what is imported later passes it."""
        sys.meta_path.insert(0, self.guard)

    def answer(self, message: list[Any]) -> bytes:
        """Give the answer to one message, or end by a signal when that takes too much CPU time."""
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)  # its default action ends this process
        answer = super().answer(message)
        signal.setitimer(signal.ITIMER_PROF, 0)
        return answer


class _Practice(Worker):
    """Runs a function of ours in this process."""

    def guard_imports(self, namespace: dict[str, Any]) -> None:
        """Guard nothing: it imports nothing."""


def prepare() -> None:
    """Make a process ready to fork children: what each needs, and what Python makes at the first use."""
    sys.modules |= display.modules()
    name = "do_user_addr_fault"
    source = f"async def {name}(regs, error_code, address):\n    await down_read(await current.mm)\n"
    for _ in range(TIMES):
        worker = _Practice()
        for message in (
            ["load", source, name, name],
            ["start", 1, name, wire.pack((None, 4, 4096)), wire.pack(())],
            ["go", 1, wire.pack(Mm(1))],
            ["close", 1],
        ):
            worker.answer(wire.decode(wire.encode(*message)))


def begin() -> None:
    """Make this process fit for a learner's code: its output is bounded, Ctrl-C is for its parent."""
    sys.stdout = sys.stderr = BoundedOutput(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
