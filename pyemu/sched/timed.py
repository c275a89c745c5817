"""A timed run: virtual time passes, timers fire, CPUs are shared.

An attempt costs one tick (1 us), everything else nothing. Runnable tasks take turns, an effect each, in task
order; with more of them than CPUs, those without one wait: under preemption they rotate, else a task in the
kernel keeps its CPU until it sleeps or makes a user-mode access. When nobody can run, the clock jumps to the
next timer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pyemu.flags import TaskState
from pyemu.sched.executor import Executor
from pyemu.sched.tasks import Task

MAX_EFFECTS = 5_000_000
USER_MODE = frozenset({"access", "begin_step"})  # what a task does outside the kernel
GIVES_WAY = USER_MODE | {"schedule"}  # schedule() runs another task even when a signal ends the sleep at once


class End(Enum):
    """How a run ended."""

    DONE = "done"
    HANG = "hang"
    TIME = "time limit"
    STOPPED = "stopped"


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
        self.on_cpu: list[Task] = []  # in order of arrival: who came first makes room first
        self.line: list[Task] = []  # runnable tasks without a CPU
        self.text = ""

    def run(self) -> End:
        """Run until every task that is no monitor has ended, nobody can go on, or the time is over."""
        world = self.world
        tasks = list(world.tasks.values())
        while not self._over(tasks):
            if world.clock > self.limits.max_ticks or world.step > MAX_EFFECTS:
                return self._stop(End.TIME, f"after {world.clock} us the tasks had not ended")
            runnable = [task for task in tasks if self._can_run(task)]
            if self._over(tasks):  # the last one ended while it was looked for its next step
                break
            if not runnable:
                if not self._jump(tasks):
                    return self._stop(End.HANG, self._who_waits(tasks))
                continue
            devices = [task for task in runnable if task.device]
            self._assign([task for task in runnable if not task.device])
            for task in sorted([*self.on_cpu, *devices], key=lambda one: one.id):
                if self._can_run(task):
                    self.executor.turn(task)
                    spinning = self.executor.spinning
                    if spinning is not None and not self._spin(spinning):
                        return self._stop(End.HANG, self.text)
        return End.DONE

    def _over(self, tasks: list[Task]) -> bool:
        """Say whether every task that is no monitor has ended; one that nobody will fork any more is none."""
        states = self.world.state.data
        return all(
            task.ended or task.monitor or states.get(("state", task.id), 0) & TaskState.NEW for task in tasks
        )

    def _can_run(self, task: Task) -> bool:
        if self.executor.enabled(task):
            return True
        self.executor.note_asleep(task)
        if task in self.on_cpu:
            self.on_cpu.remove(task)
            task.cpu = 255
        return False

    def _assign(self, runnable: list[Task]) -> None:
        """Give CPUs to runnable tasks: each keeps the one it has, or makes room for the next in line."""
        waiting = [task for task in runnable if task not in self.on_cpu]
        self.line = [task for task in self.line if task in waiting]
        self.line += [task for task in waiting if task not in self.line]
        if self.line and len(self.on_cpu) == self.limits.n_cpus:
            leaves = next((task for task in self.on_cpu if self._gives_way(task)), None)
            if leaves is not None:
                self.on_cpu.remove(leaves)
                self.line.append(leaves)
                leaves.cpu = 255
        while self.line and len(self.on_cpu) < self.limits.n_cpus:
            task = self.line.pop(0)
            taken = {one.cpu for one in self.on_cpu}
            task.cpu = next(cpu for cpu in range(self.limits.n_cpus) if cpu not in taken)
            self.on_cpu.append(task)

    def _gives_way(self, task: Task) -> bool:
        if self.limits.preemption:
            return True
        return task.pending is not None and task.pending.op in GIVES_WAY

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

    def _spin(self, task: Task) -> bool:
        """Let the time pass in which a task goes round in circles; False if nothing will ever end that."""
        self.executor.spinning = None
        watches = self.executor.watches
        others = [one for one in self.world.tasks.values() if one is not task and not one.ended]
        busy = [one for one in others if self.executor.enabled(one)]
        # A task in the kernel keeps its CPU; on its way through user mode, or schedule(), it gives it up.
        watch = watches[task.id]
        in_kernel = not watch.round()["exceptions"] and not watch.makes(GIVES_WAY)
        kept = self.limits.n_cpus == 1 and not self.limits.preemption and in_kernel
        stirred = [one for one in busy if not watches[one.id].length and (not kept or one.device)]
        if not all(watches[one.id].stirs() for one in stirred):
            return True  # somebody else can still change what it sees
        # A device rings even if no task can have the CPU.
        deadlines = [self.world.state.data.get(("timer", one.id)) for one in others if not kept or one.device]
        deadlines += [one.deadline for one in stirred]
        timers = [t for t in deadlines if t is not None and t > self.world.clock]
        spinning = [task, *(one for one in busy if not kept and one not in stirred)]
        text = "; ".join(map(self._round, spinning))
        if not timers:
            for one in spinning:
                one.stats["spins"] += 1
            self.text = f"{text}; {'it keeps the only CPU' if kept else 'nothing will ever change that'}"
            self.world.event(task, "spin", self.text, 0)
            return False
        # An attempt takes a tick; a round without one takes none, and the clock jumps.
        ticks = sum(watches[one.id].round()["attempts"] for one in spinning)
        n_rounds = (min(timers) - self.world.clock) // ticks if ticks else 0
        for one in spinning:
            self.world.event(one, "spin", self._round(one), n_rounds)
            self._skip(one, n_rounds)
        self.world.clock = self.world.clock + n_rounds * ticks if ticks else min(timers)
        return True

    def _round(self, task: Task) -> str:
        """Describe a spin by what one round of it counts."""
        counts = self.executor.watches[task.id].round()
        each = ", ".join(f"{n} {key}" for key, n in counts.items())
        return f"{task.name} goes round in circles without a wait: {each or 'nothing counted'} a round"

    def _skip(self, task: Task, n_rounds: int) -> None:
        """Count rounds of a spin as if they had run."""
        watch, data = self.executor.watches[task.id], self.world.state.data
        for key, n in watch.round().items():
            task.stats[key] += n * n_rounds
            for place in (("counter", task.id, key), ("vmstat", key)):
                if place in data:
                    self.world.state.set(place, data[place] + n * n_rounds)
        task.stats["spins"] += 1
        watch.reset()

    def _stop(self, end: End, text: str) -> End:
        self.text = text
        self.world.event(None, "hang", text)
        return end

    def _who_waits(self, tasks: list[Task]) -> str:
        left = [task for task in tasks if not task.ended and not task.device]
        waits = [f"{task.name} waits in {_place(task)}" for task in left]
        return "nobody can go on: " + "; ".join(waits)


def _place(task: Task) -> str:
    """Name the function in which a task waits, or the operation if it is in none."""
    if task.frame_args:
        return task.frame_args[-1][0]
    return task.pending.title if task.pending is not None else "user mode"
