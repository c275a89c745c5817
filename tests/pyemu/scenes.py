"""What the tests of the core share: small scenarios, and a machine that is stepped by hand."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import partial
from typing import Any

from pyemu import Machine, Scenario, Tree
from pyemu.effects import Effect
from pyemu.sched.frames import KernelFrame
from pyemu.sched.semantics import semantics
from pyemu.sched.tasks import Task
from pyemu.trace import Event

PAGE = 4096
V = 0x7F00_0000_0000  # where the first area of a scenario begins
V1 = V + PAGE

Step = dict[str, Any]
READ: Step = {"do": "read", "area": "V", "page": 1}
WRITE: Step = {"do": "write", "area": "V", "page": 1}
WAIT: Step = {"do": "wait_message"}
COPY: Step = {"do": "copy", "area": "V", "page": 1}
WAKE: Step = {"do": "wake", "area": "V", "page": 1}
CATCH = {"SIGUSR1": "handler", "SIGBUS": "escape", "SIGSEGV": "escape"}


def pause(ticks: int) -> Step:
    return {"do": "pause", "ticks": ticks}


def poll(ticks: int) -> Step:
    return {"do": "poll", "ticks": ticks}


def send(signal: str, task: str = "T") -> Step:
    return {"do": "signal", "task": task, "signal": signal}


def sample(label: str, task: str = "T") -> Step:
    return {"do": "sample", "task": task, "label": label}


def task(name: str, *program: Step, **keys: Any) -> dict[str, Any]:
    return {"name": name, "program": list(program), **keys}


def victim(*program: Step, **keys: Any) -> dict[str, Any]:
    """T, which catches SIGUSR1 and leaves an access on SIGBUS or SIGSEGV."""
    return task("T", *(program or (READ,)), **{"signals": CATCH, **keys})


def monitor(*program: Step, **keys: Any) -> dict[str, Any]:
    return task("M", *program, monitor=True, **keys)


def plain(
    *tasks: dict[str, Any],
    area: Mapping[str, Any] | None = None,
    more: Iterable[Mapping[str, Any]] = (),
    **keys: Any,
) -> dict[str, Any]:
    """A scenario's data: an area V of four pages, more areas, and these tasks."""
    areas = [{"name": "V", "pages": 4, "userfaultfd": True, **(area or {})}, *more]
    return {"version": 1, "name": "test", "title": "test", "areas": areas, "tasks": list(tasks), **keys}


def scene(
    *tasks: dict[str, Any],
    area: Mapping[str, Any] | None = None,
    more: Iterable[Mapping[str, Any]] = (),
    **keys: Any,
) -> Scenario:
    """A scenario: an area V of four pages served by a userfaultfd, more areas, and these tasks."""
    return Scenario.from_dict(plain(*tasks, area=area, more=more, **keys))


Program = Callable[[], Coroutine[Any, Any, Any]]

# What a task of `Lab` waits in until it is told what to do.
semantics(lambda *_: ([], []), name="park", enabled=lambda *_: False)(lambda *_: None)


class Lab:
    """A machine whose tasks run coroutines of the test, stepped by hand.

    A name alone is a task that obeys `do`, an effect at a time; `programs` gives others one of their own.
    """

    def __init__(
        self,
        *names: str,
        programs: Mapping[str, Program] | None = None,
        scenario: Scenario | None = None,
        tree: Tree = Tree.after,
        signals: Mapping[str, str] | None = None,
        blocked: Iterable[str] = (),
        processes: Mapping[str, str] | None = None,
        area: Mapping[str, Any] | None = None,
        observer: Callable[..., None] | None = None,
        override: Mapping[str, Any] | None = None,
    ) -> None:
        programs = dict(programs or {})
        if scenario is None:
            scenario = scene(
                *(
                    task(
                        name,
                        process=(processes or {}).get(name, "P"),
                        signals=dict(signals or {}),
                        blocked=list(blocked),
                    )
                    for name in (*names, *programs)
                ),
                area=area,
            )
        self.machine = Machine(scenario, tree, override, observer=observer)
        self.world = self.machine.world
        self.executor = self.machine.executor
        self.orders: dict[str, deque[Effect[Any]]] = {name: deque() for name in names}
        self.results: dict[str, list[Any]] = {name: [] for name in names}
        for one in self.world.tasks.values():
            one.cpu = (one.id - 1) % scenario.machine.n_cpus
            if one.name in programs:
                self._install(one, programs[one.name])
            elif one.name in self.orders:
                self._install(one, partial(self._obey, one.name))

    def _install(self, one: Task, program: Program) -> None:
        one.frames[:] = [KernelFrame("program", program)]

    async def _obey(self, name: str) -> None:
        while True:
            while not self.orders[name]:
                await Effect("park")
            self.results[name].append(await self.orders[name].popleft())

    def task(self, name: str) -> Task:
        return next(one for one in self.world.tasks.values() if one.name == name)

    def do(self, name: str, effect: Effect[Any]) -> Any:
        """Let an obeying task make one effect; its result, or None when the task waits now."""
        one = self.task(name)
        if one.pending is not None:
            assert one.pending.op == "park", f"{name} still waits in {one.pending}"
            one.pending = None
        self.orders[name].append(effect)
        return self._turn(one)

    def go_on(self, name: str) -> Any:
        """Let a task make the effect in which it waited; its result."""
        assert not self.waits(name), f"{name} can't go on"
        return self._turn(self.task(name))

    def _turn(self, one: Task) -> Any:
        n = len(self.results[one.name])
        self.executor.turn(one)
        self.executor.enabled(one)  # hands the result on
        found = self.results[one.name][n:]
        return found[0] if found else None

    def waits(self, name: str) -> bool:
        """Whether a task has an effect that it can't make yet."""
        one = self.task(name)
        return not self.idle(name) and one.pending is not None and not self.executor.enabled(one)

    def idle(self, name: str) -> bool:
        """Whether an obeying task has nothing to do."""
        pending = self.task(name).pending
        return pending is None or pending.op == "park"

    def turn(self, name: str) -> bool:
        """Let a task make one turn, if it can."""
        one = self.task(name)
        if one.ended or not self.executor.enabled(one):
            return False
        self.executor.turn(one)
        return True

    def until(self, name: str, op: str) -> None:
        """Step a task until its next effect is `op`."""
        one = self.task(name)
        for _ in range(10_000):
            self.executor.enabled(one)
            if one.ended:
                raise AssertionError(f"{name} ended before {op}")
            if one.pending is not None and one.pending.op == op:
                return
            if not self.turn(name):
                raise AssertionError(f"{name} waits in {one.pending}")
        raise AssertionError(f"{name} never came to {op}")

    def settle(self, *names: str) -> None:
        """Let tasks (all of them by default) take turns until none can go on; no time passes."""
        chosen = names or tuple(one.name for one in self.world.tasks.values())
        for _ in range(100_000):
            if not sum(self.turn(name) for name in chosen):  # every one of them gets its turn
                return
        raise AssertionError("the tasks never came to rest")

    def state(self, name: str) -> int:
        return int(self.world.state.data.get(("state", self.task(name).id), 0))

    def rules(self, name: str) -> list[str]:
        """Names of the rules that a task broke."""
        return [rule for rule, _ in self.task(name).violations]

    def close(self) -> None:
        for one in self.world.tasks.values():
            while one.frames:
                one.frames.pop().close()


def drive(scenario: Scenario, tree: Tree = Tree.after, override: Mapping[str, Any] | None = None) -> Lab:
    """A machine that runs the scenario's own programs, stepped by hand."""
    lab = Lab.__new__(Lab)
    lab.machine = Machine(scenario, tree, override)
    lab.world, lab.executor = lab.machine.world, lab.machine.executor
    lab.orders, lab.results = {}, {}
    for one in lab.world.tasks.values():
        one.cpu = (one.id - 1) % scenario.machine.n_cpus
    return lab


def story(events: Iterable[Event]) -> list[str]:
    """Kinds of events, for comparisons that should read well."""
    return [event.kind for event in events]


__all__ = [name for name in dir() if not name.startswith("_")]
