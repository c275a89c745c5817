"""The executor: resumes frames, applies effects, records what happened.

Each task is a stack of frames. An effect is a call (push a frame) or an operation (apply it to the state). A
call is no turn: another task gets its chance only after an operation that others can see or change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pyemu.calls import KernelFunction
from pyemu.effects import Effect
from pyemu.effects.handles import Handle
from pyemu.effects.records import FaultinResult, FixupResult, GupResult
from pyemu.errors import FaultlabError
from pyemu.flags import HPAGE_MASK, PAGE_MASK, TaskState
from pyemu.handler import Done, HandlerFault, LocalSource
from pyemu.sched import (
    areas,
    counters,
    delivery,
    disk,
    entries,
    exceptions,
    file_locks,
    files,
    gup,
    hardware,
    holes,
    hugetlb,
    invariants,
    itimer,
    lockdep,
    locks,
    pages,
    pipes,
    posts,
    processes,
    signals,
    sleep,
    spinlocks,
    swap,
    uffd,
    vma_locks,
)
from pyemu.sched.frames import Frame, KernelFrame, Source
from pyemu.sched.semantics import SEMANTICS, Again, TaskEnded, World
from pyemu.sched.spin import SpinWatch
from pyemu.sched.tasks import Task
from pyemu.trace import NULL_POINTER

OPERATION_MODULES = (
    areas,
    counters,
    delivery,
    disk,
    entries,
    exceptions,
    file_locks,
    files,
    gup,
    hardware,
    holes,
    hugetlb,
    itimer,
    locks,
    pages,
    pipes,
    posts,
    processes,
    signals,
    sleep,
    spinlocks,
    swap,
    uffd,
    vma_locks,
)
SLEEPERS = lockdep.might_sleep()  # every operation is known by now
MAX_DEPTH = 50
MAX_OVERRIDE_EFFECTS = 200_000
# Where get_user_pages begins a fault of its own: each of these tries its first page for the first time.
GUP_FAULTS = frozenset({"__get_user_pages_locked", "populate_vma_page_range", "fixup_user_fault"})
GUP_WALK = "follow_hugetlb_page"  # get_user_pages calls hugetlb_fault here, and not handle_mm_fault
MARKERS = frozenset({"do_page_fault", "handle_mm_fault"})


class Executor:
    """Runs tasks effect by effect.

    Parameters
    ----------
    world : World
        State, tasks, recorder.
    functions : mapping of str to coroutine function
        The kernel's own code.
    override : mapping of str to Source or coroutine function
        What replaces kernel functions.
    observer : callable, optional
        Called as ``observer(task, effect, footprint, result)`` after each applied operation.
    """

    def __init__(
        self,
        world: World,
        functions: Mapping[str, KernelFunction],
        override: Mapping[str, Any] | None = None,
        observer: Callable[..., None] | None = None,
    ) -> None:
        self.world = world
        self.functions = functions
        self.override: dict[str, Source] = {
            name: one if hasattr(one, "start") else LocalSource(name, one)
            for name, one in (override or {}).items()
        }
        self.observer = observer
        self.watches = {task: self.watch() for task in world.tasks}
        self.spinning: Task | None = None

    watch: type[SpinWatch] = SpinWatch

    def start_frame(self, name: str, args: tuple[Any, ...]) -> Frame:
        """Make the frame of a kernel function: of the kernel's own code, or of what replaces it."""
        if name in self.override:
            return self.override[name].start(name, args)
        return KernelFrame(name, self.functions[name], args)

    # ------------------------------------------------------------------------------------ one turn

    def enabled(self, task: Task) -> bool:
        """Say whether a task can make its next step; it is resumed first if its next effect isn't known."""
        if task.ended:
            return False
        if task.pending is None:
            self._guard(task, self._next_effect)
            if task.pending is None:
                return False
        semantics = SEMANTICS[task.pending.op]
        return semantics.enabled is None or semantics.enabled(self.world, task, *task.pending.args)

    def turn(self, task: Task) -> None:
        """Let an enabled task run up to the end of its next operation that is a turn."""
        self._guard(task, self._turn)

    def note_asleep(self, task: Task) -> None:
        """Record that a task that can't go on has fallen asleep; it may already have been."""
        if task.ended or task.asleep or task.pending is None:
            return
        state = self.world.state.data.get(("state", task.id), TaskState(0))
        if not state:
            return  # it waits for a spinlock, or stands for a device
        task.asleep = True
        lockdep.on_sleep(self.world, task)
        task.stats["sleeps"] += task.pending.op == "schedule" and not task.stopped
        self.watches[task.id].reset()
        self.world.event(task, "sleep", int(state))

    def _guard(self, task: Task, action: Callable[[Task], None]) -> None:
        try:
            action(task)
        except TaskEnded as end:
            self._end(task, end)
        except HandlerFault as fault:
            self._end(task, TaskEnded(fault.rule, str(fault)))
        except FaultlabError as error:
            # The kernel's own code refuses a value: if a learner's function is on the stack, it came from
            # there.
            if not any(frame.override for frame in task.frames):
                raise
            self._end(task, TaskEnded("bad argument", str(error)))

    def _turn(self, task: Task) -> None:
        world = self.world
        while True:
            if task.pending is None:
                self._next_effect(task)
            effect = task.pending
            if effect is None:
                return
            semantics = SEMANTICS[effect.op]
            if semantics.enabled is not None and not semantics.enabled(world, task, *effect.args):
                return  # sleeps; the scheduler notes it
            footprint = semantics.touches(world, task, effect.args) if self.observer is not None else None
            world.step += 1
            task.pending = None
            overridden = task.in_override()
            if task.locks:
                lockdep.before(world, task, effect, SLEEPERS)
            result = semantics.apply(world, task, *effect.args)
            if isinstance(result, Again):
                task.pending = result.effect
                task.pending.awaited = True  # by the executor: no learner has forgotten it
            else:
                task.result = result
                self.watches[task.id].effect(effect.op, effect.args, result, len(task.frames))
            if self.observer is not None:
                self.observer(task, effect, footprint, result)
            if overridden:
                self._check_endless(task)
            if semantics.turn:
                return

    def _check_endless(self, task: Task) -> None:
        """End a learner's function that goes round in circles where nothing can change any more."""
        task.n_override_effects += 1
        name = task.frame.name
        if task.n_override_effects > MAX_OVERRIDE_EFFECTS:
            raise HandlerFault(
                "endless",
                f"{name} made {MAX_OVERRIDE_EFFECTS} operations and calls and was not finished. Ask what "
                "ends your loop.",
            )
        watch = self.watches[task.id]
        length = watch.loops()
        if not length:
            return
        others = (one for one in self.world.tasks.values() if one is not task)
        lets_others = any(op != "call" and SEMANTICS[op].turn for op, *_ in watch.recent)
        if not lets_others or not any(self.enabled(one) for one in others):
            raise HandlerFault(
                "endless",
                f"{name} goes round in circles: the same {length} operation{'s' * (length > 1)} with the "
                "same results, again and again, and nobody else can change that. Ask what ends your loop.",
            )

    # ------------------------------------------------------------------------------------ frames

    def push(self, task: Task, name: str, args: tuple[Any, ...]) -> None:
        """Start a kernel function on a task: the kernel's own, or what replaces it."""
        if len(task.frames) >= MAX_DEPTH:
            raise HandlerFault(
                "too deep",
                f"{name} was called {MAX_DEPTH} calls deep: functions call each other without end.",
            )
        task.frames.append(self.start_frame(name, args))
        task.result = None

    def _next_effect(self, task: Task) -> None:
        """Resume frames until the task has an operation to make, or has ended."""
        while task.pending is None:
            answer = task.frame.resume(task.result)
            task.result = None
            if isinstance(answer, Done):
                task.frames.pop()
                if not task.frames:
                    raise TaskEnded
                task.result = answer.value
                self._returned(task, answer.value)
            elif answer.op == "call":
                if task.frame.override:
                    self._check_handles(task, answer)
                    # A call may make no operation at all, so a loop of calls is looked for here.
                    self.watches[task.id].effect("call", answer.args, None, len(task.frames))
                    self._check_endless(task)
                self._call(task, answer.args[0], answer.args[1:])
            else:
                if task.frame.override:
                    self._check_handles(task, answer)
                task.pending = answer

    def _check_handles(self, task: Task, effect: Effect[Any]) -> None:
        """Refuse a handle that nobody gave out: a learner's function may make one up."""
        for one in effect.args:
            if isinstance(one, Handle) and not self.world.knows(one):
                raise HandlerFault(
                    "bad argument", f"{effect.title} got {one}, which doesn't exist: use what a look-up gave."
                )

    def _call(self, task: Task, name: str, args: tuple[Any, ...]) -> None:
        world = self.world
        world.event(task, "call", name)
        if name == "do_page_fault":
            task.exception += 1
            task.begin_fault()
            task.stats["exceptions"] += 1
        elif name in GUP_FAULTS:
            task.begin_fault()
        elif name == "handle_mm_fault":
            task.begin_attempt(int(args[1]) & PAGE_MASK)
            task.stats["attempts"] += 1
            task.waited_in_userfault = False
            flags = int(args[2])
            world.event(task, "attempt", flags, task.attempt)
            invariants.on_attempt(world, task, args[0], flags)
            world.clock += 1  # rule 8: an attempt costs one tick
        elif name == "hugetlb_fault" and task.frame_args[-1][0] == GUP_WALK:
            self._walk_attempt(task, args)
        elif name == "handle_userfault":
            task.waited_in_userfault = True
        elif name == "exit_to_user_mode":
            task.fresh.clear()
            invariants.on_user_mode(world, task)
        if name in MARKERS and self.watches[task.id].marker(task.stats):
            self.spinning = task
        self.push(task, name, args)
        task.frame_args.append((name, args))

    def _walk_attempt(self, task: Task, args: tuple[Any, ...]) -> None:
        """Begin an attempt that get_user_pages makes on a huge page: nobody counts it."""
        world, flags = self.world, int(args[2])
        task.begin_attempt(int(args[1]) & HPAGE_MASK)
        task.waited_in_userfault = False
        world.event(task, "walk_attempt", flags)
        invariants.on_attempt(world, task, args[0], flags)
        world.clock += 1

    def _returned(self, task: Task, value: Any) -> None:
        name, args = task.frame_args.pop()
        world = self.world
        if name == "hugetlb_fault" and task.frame_args[-1][0] == GUP_WALK:
            task.last_result = int(value) if isinstance(value, int) else 0
            world.event(task, "walk_attempt_end", task.last_result)
            invariants.on_attempt_end(world, task, args[0], int(args[2]), value)
        if name == "handle_mm_fault":
            task.last_result = int(value) if isinstance(value, int) else 0
            world.event(task, "attempt_end", task.last_result, task.attempt)
            invariants.on_attempt_end(world, task, args[0], int(args[2]), value)
        elif isinstance(value, GupResult):
            world.event(task, "return", name, value.n)
            if name.startswith("__"):  # the others hand on what these two give
                world.event(task, "gup", value.n, NULL_POINTER if value.locked is None else value.locked)
        elif isinstance(value, FaultinResult | FixupResult):
            world.event(task, "return", name, value.error)
        else:
            world.event(task, "return", name, int(value) if isinstance(value, int) else 0)

    # ------------------------------------------------------------------------------------ the end

    def _end(self, task: Task, end: TaskEnded) -> None:
        """End a task: it exits, is killed, or its handler can't go on."""
        world = self.world
        delivery.exit_signals(world, task)
        task.ended = True
        task.killed_by = end.signal
        task.pending = None
        while task.frames:
            try:
                task.frames.pop().close()
            except HandlerFault as fault:
                end = end if end.rule else TaskEnded(fault.rule, str(fault), end.signal)
        task.frame_args.clear()
        if end.rule:
            world.findings.append((task.name, end.rule, end.text))
            world.event(task, "finding", end.rule, end.text)
        else:
            invariants.on_exit(world, task)
        world.state.set(("state", task.id), TaskState.DEAD)
        world.event(task, "exit", end.signal)
