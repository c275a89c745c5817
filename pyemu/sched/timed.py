"""A timed run: virtual time passes, timers fire, CPUs are shared.

An attempt costs one tick (1 us), everything else nothing. Runnable tasks take turns, an effect each, in task
order; with more of them than CPUs, those without one wait: under preemption they rotate, else a task in the
kernel keeps its CPU until it sleeps or makes a user-mode access. When nobody can run, the clock jumps to the
next timer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pyemu.sched.executor import Executor
from pyemu.sched.tasks import Task

MAX_EFFECTS = 5_000_000


class End(Enum):
    """How a run ended."""

    DONE = "done"
    HANG = "hang"
    TIME = "time limit"


@dataclass(frozen=True, slots=True)
class Limits:
    """Of a timed run: CPUs, preemption, ticks."""

    n_cpus: int
    preemption: bool
    max_ticks: int


class TimedRun:
    """Runs an executor's tasks in virtual time.

    Parameters
    ----------
    executor : Executor
        Whose tasks run.
    limits : Limits
        CPUs, preemption and time.
    """

    def __init__(self, executor: Executor, limits: Limits) -> None:
        self.executor = executor
        self.world = executor.world
        self.limits = limits
        self.on_cpu: list[Task] = []
        self.text = ""

    def run(self) -> End:
        """Run until every task that is no monitor has ended, nobody can go on, or the time is over."""
        world = self.world
        tasks = list(world.tasks.values())
        while any(not task.ended and not task.monitor for task in tasks):
            if world.clock > self.limits.max_ticks or world.step > MAX_EFFECTS:
                return self._stop(End.TIME, f"after {world.clock} us the tasks had not ended")
            runnable = [task for task in tasks if self._can_run(task)]
            if not runnable:
                if not self._jump(tasks):
                    if all(task.ended or task.monitor for task in tasks):
                        break
                    return self._stop(End.HANG, self._who_waits(tasks))
                continue
            self._assign(runnable)
            for task in tuple(self.on_cpu):
                if self._can_run(task):
                    self.executor.turn(task)
                    if self.executor.spinning is not None and not self._spin():
                        return self._stop(End.HANG, self.text)
        return End.DONE

    def _can_run(self, task: Task) -> bool:
        if self.executor.enabled(task):
            return True
        self.executor.note_asleep(task)
        if task in self.on_cpu:
            self.on_cpu.remove(task)
            task.cpu = 255
        return False

    def _assign(self, runnable: list[Task]) -> None:
        """Give CPUs to runnable tasks: each keeps the one it has, unless it must make room."""
        waiting = [task for task in runnable if task not in self.on_cpu]
        if waiting and len(self.on_cpu) == self.limits.n_cpus:
            leaves = next((task for task in self.on_cpu if self._gives_way(task)), None)
            if leaves is not None:
                self.on_cpu.remove(leaves)
                leaves.cpu = 255
        for task in waiting[: self.limits.n_cpus - len(self.on_cpu)]:
            taken = {one.cpu for one in self.on_cpu}
            task.cpu = next(cpu for cpu in range(self.limits.n_cpus) if cpu not in taken)
            self.on_cpu.append(task)
        self.on_cpu.sort(key=lambda task: task.id)

    def _gives_way(self, task: Task) -> bool:
        if self.limits.preemption:
            return True
        return task.pending is not None and task.pending.op == "access"

    def _jump(self, tasks: list[Task]) -> bool:
        """Let the clock jump to the next timer; say whether there is one."""
        timers = [
            deadline
            for task in tasks
            if not task.ended and (deadline := self.world.state.data.get(("timer", task.id))) is not None
        ]
        if not timers:
            return False
        self.world.clock = max(self.world.clock, min(timers))
        return True

    def _spin(self) -> bool:
        """Record a spin, skip the rounds until another task has something to do; False if nobody ever has."""
        found = self.executor.spinning
        self.executor.spinning = None
        if found is None:
            return True
        task, length = found
        watch = self.executor.watches[task.id]
        ticks, per_round = watch.round(length)
        others = [one for one in self.world.tasks.values() if one is not task and not one.ended]
        if any(self.executor.enabled(one) for one in others) and (
            self.limits.n_cpus > 1 or self.limits.preemption
        ):
            watch.reset()  # somebody else can still change what it sees
            return True
        timers = [
            deadline
            for one in others
            if (deadline := self.world.state.data.get(("timer", one.id))) is not None
            and deadline > self.world.clock
        ]
        kept = (
            self.limits.n_cpus == 1
            and not self.limits.preemption
            and "do_page_fault" in dict(task.frame_args)
        )
        rounds = 0 if not timers or not ticks else (min(timers) - self.world.clock) // ticks
        each = ", ".join(f"{n} {key}" for key, n in per_round.items())
        text = f"{task.name} goes round in circles without a wait: {each} a round"
        if not timers or not ticks or kept:
            self.text = text + (
                "; it keeps the only CPU" if kept else "; nothing will ever change what it sees"
            )
            self.world.event(task, "spin", text, 0)
            task.stats["spins"] += 1
            return False
        self.world.clock += rounds * ticks
        for key, n in per_round.items():
            task.stats[key] += n * rounds
            for place in (("counter", task.id, key), ("vmstat", key)):
                if place in self.world.state.data:
                    self.world.state.set(place, self.world.state.get(place) + n * rounds)
        task.stats["spins"] += 1
        self.world.event(task, "spin", text, rounds)
        watch.reset()
        return True

    def _stop(self, end: End, text: str) -> End:
        self.text = text
        self.world.event(None, "hang", text)
        return end

    def _who_waits(self, tasks: list[Task]) -> str:
        waits = [f"{task.name} waits in {_place(task)}" for task in tasks if not task.ended]
        return "nobody can go on: " + "; ".join(waits)


def _place(task: Task) -> str:
    """Name the function in which a task waits, or the operation if it is in none."""
    if task.frame_args:
        return task.frame_args[-1][0]
    return task.pending.title if task.pending is not None else "user mode"
