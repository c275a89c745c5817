"""Effects: what a kernel function asks for, one at a time.

A kernel function is an ``async def`` coroutine that reads like the C it models. Whatever touches
shared state is awaited: awaiting gives an `Effect` (an operation and its arguments) to the executor, which
applies it, records events, decides who runs next and sends the result back. A function here that looks
like a kernel primitive (`down_read`, `find_vma`) only *builds* the effect; what it does stands in
`pyemu.sched`. This module therefore holds nothing of the kernel, and a handler that runs in another process
needs nothing else.

Results are plain values (ints, flags, frozen records) or a `Handle`: a name for an object that lives with the
executor. A field of a handle is read by an effect as well: ``await vma.vm_flags``.
"""

# A declared operation has a name, parameters and a text, and no body: what it does stands elsewhere.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Generic, ParamSpec, TypeVar

from pyemu.errors import ForgottenAwait

P = ParamSpec("P")
R = TypeVar("R")


class Effect(Generic[R]):
    """One operation that a kernel function asks for; ``await`` it to have it done.

    Attributes
    ----------
    op : str
        Name of the operation; ``call`` is a call of another kernel function.
    args : tuple
        Plain values and handles.
    """

    __slots__ = ("args", "awaited", "op")

    def __init__(self, op: str, args: tuple[Any, ...] = ()) -> None:
        self.op = op
        self.args = args
        self.awaited = False

    def __await__(self) -> Generator[Effect[Any], Any, R]:
        self.awaited = True
        result: R = yield self
        return result

    @property
    def title(self) -> str:
        """The name to show: of the operation, the field or the called function."""
        if self.op == "call":
            return f"{self.args[0]}(...)"
        if self.op.startswith("read_"):
            return f"{self.op.removeprefix('read_')}.{self.args[1]}"
        return f"{self.op}(...)"

    def __repr__(self) -> str:
        return f"<effect {self.title}: await it>"

    def _forgotten(self, *_: Any) -> Any:
        self.awaited = True  # reported here, so not once more as dropped
        raise ForgottenAwait(
            f"{self.title} was used as if it were its result. It is only a request until you wait for "
            "it: put "
            f"`await` before {self.title}."
        )

    __bool__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _forgotten
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __invert__ = _forgotten
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __pow__ = __rpow__ = _forgotten
    __floordiv__ = __rfloordiv__ = __truediv__ = __rtruediv__ = __mod__ = __rmod__ = _forgotten
    __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = __neg__ = __pos__ = __abs__ = _forgotten
    __int__ = __float__ = __index__ = __iter__ = __len__ = __call__ = _forgotten
    __getitem__ = __setitem__ = __contains__ = __enter__ = __exit__ = _forgotten
    __hash__ = _forgotten  # what is put into a set or a dict is compared

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._forgotten()

    def __del__(self) -> None:
        if not self.awaited:
            _dropped.append(self.title)


# Effects that were built and thrown away without being awaited: the executor empties this after each
# step of a coroutine and reports what it finds. CPython drops an object as soon as nobody holds it.
_dropped: list[str] = []


def take_dropped() -> list[str]:
    """Give and forget the titles of effects that were dropped without being awaited."""
    found = _dropped[:]
    _dropped.clear()
    return found


# ------------------------------------------------------------------------------------------ handles


@dataclass(frozen=True, slots=True)
class Handle:
    """A name for an object that lives with the executor.

    Attributes
    ----------
    id : int
        Number of the object among those of its kind.
    generation : int
        Which life of that object is meant: an object that is freed and made anew has another one.
    """

    id: int
    generation: int = 0

    kind: ClassVar[str] = "handle"
    readable: ClassVar[tuple[str, ...]] = ()

    def __getattr__(self, name: str) -> Any:
        cls = type(self)
        if name in cls.readable:
            return Effect(f"read_{cls.kind}", (self, name))
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(
            f"{cls.kind} has no field {name!r}; it has: {', '.join(cls.readable) or 'none that can be read'}"
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


@dataclass(frozen=True, slots=True)
class Mm(Handle):
    """An address space (``struct mm_struct``)."""

    kind: ClassVar[str] = "mm"


@dataclass(frozen=True, slots=True)
class Vma(Handle):
    """A memory area (``struct vm_area_struct``); valid only while mmap_sem is held."""

    kind: ClassVar[str] = "vma"
    readable: ClassVar[tuple[str, ...]] = ("vm_start", "vm_end", "vm_flags", "vm_mm", "vm_userfaultfd_ctx")


@dataclass(frozen=True, slots=True)
class Context(Handle):
    """One userfaultfd (``struct userfaultfd_ctx``)."""

    kind: ClassVar[str] = "context"
    readable: ClassVar[tuple[str, ...]] = ("released", "pending", "user_mode_only", "mm")


@dataclass(frozen=True, slots=True)
class Wait(Handle):
    """A task's entry in the queue of a userfaultfd (``struct userfaultfd_wait_queue``)."""

    kind: ClassVar[str] = "wait"
    readable: ClassVar[tuple[str, ...]] = ("waken",)


@dataclass(frozen=True, slots=True)
class Task(Handle):
    """A task (``struct task_struct``). Task 0 means the one that runs: `current`."""

    kind: ClassVar[str] = "task"
    readable: ClassVar[tuple[str, ...]] = ("mm", "exiting", "state")


current = Task(0)

HANDLES: dict[str, type[Handle]] = {kind.kind: kind for kind in (Mm, Vma, Context, Wait, Task)}


# ------------------------------------------------------------------------------------------ records


@dataclass(frozen=True, slots=True)
class Regs:
    """The registers at an exception, as far as the fault path looks at them.

    Attributes
    ----------
    user : bool
        The exception came from user mode.
    ip : int
        Address of the instruction that faulted.
    """

    user: bool
    ip: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """What a monitor reads from a userfaultfd (``struct uffd_msg``).

    Attributes
    ----------
    address : int
        Address of the page, in bytes.
    flags : int
        ``UFFD_PAGEFAULT_FLAG_*``.
    """

    address: int
    flags: int


@dataclass(frozen=True, slots=True)
class AccessResult:
    """What the hardware did with one access.

    Attributes
    ----------
    value : int or None
        The byte read or written; None when the access faulted.
    error_code : int
        ``X86_PF_*`` bits of the page fault; 0 when there was none.
    """

    value: int | None
    error_code: int = 0


@dataclass(frozen=True, slots=True)
class Siginfo:
    """A signal as it is taken from the queue (``struct kernel_siginfo``).

    Attributes
    ----------
    signal : int
        Its number.
    code : int
        ``si_code``: what caused it (0: kill).
    address : int
        Address of the fault, or 0.
    """

    signal: int
    code: int = 0
    address: int = 0


RECORDS: dict[str, type[Any]] = {kind.__name__: kind for kind in (Regs, Message, AccessResult, Siginfo)}


def record_values(record: Any) -> tuple[Any, ...]:
    """Give the field values of a record, in order."""
    return tuple(getattr(record, field.name) for field in fields(record))


def user_mode(regs: Regs) -> bool:
    """Say whether the exception interrupted user mode.

    This looks at the interrupted context, not at FAULT_FLAG_USER, and is no effect: `regs` is a value.

    References
    ----------
    Linux v5.7, arch/x86/include/asm/ptrace.h, user_mode.
    """
    return regs.user


# ------------------------------------------------------------------------------------------ operations


@dataclass(frozen=True, slots=True)
class Operation:
    """What is known of an operation without knowing the kernel.

    Attributes
    ----------
    name : str
        Name of the operation and of the function that builds its effect.
    parameters : tuple of (str, str)
        Name and type of each argument: a handle's class, ``int``, ``bool``, ``str``, ``Regs``.
    turn : bool
        The scheduler may let another task run after it. False for what no other task can change or see at
        that moment: own data, data that a held lock protects, counters.
    """

    name: str
    parameters: tuple[tuple[str, str], ...]
    turn: bool


OPERATIONS: dict[str, Operation] = {}
for _kind, _turn in (("vma", False), ("task", False), ("context", True), ("wait", True)):
    OPERATIONS[f"read_{_kind}"] = Operation(
        f"read_{_kind}", ((_kind, HANDLES[_kind].__name__), ("field", "str")), _turn
    )


def operation(*, turn: bool = True) -> Callable[[Callable[P, R]], Callable[P, Effect[R]]]:
    """Declare an operation: the function below gives name, parameters and text; its effect is built here."""

    def declare(function: Callable[P, R]) -> Callable[P, Effect[R]]:
        name = function.__name__
        signature = inspect.signature(function)
        OPERATIONS[name] = Operation(
            name, tuple((key, str(value.annotation)) for key, value in signature.parameters.items()), turn
        )

        def build(*args: P.args, **kwargs: P.kwargs) -> Effect[R]:
            if kwargs or len(args) != len(signature.parameters):
                return Effect(name, tuple(signature.bind(*args, **kwargs).args))
            return Effect(name, args)

        build.__name__ = build.__qualname__ = name
        build.__doc__ = function.__doc__
        build.__signature__ = signature  # type: ignore[attr-defined]
        return build

    return declare


@operation()
def down_read(mm: Mm) -> None:
    """Take mmap_sem for reading; sleep in state D while a writer holds it or waits for it."""


@operation()
def down_read_trylock(mm: Mm) -> bool:
    """Take mmap_sem for reading if that needs no wait; say whether it was taken."""


@operation()
def down_read_killable(mm: Mm) -> int:
    """Take mmap_sem for reading; give 0, or -EINTR (-4) when SIGKILL ended the wait."""


@operation()
def up_read(mm: Mm) -> None:
    """Release mmap_sem, which is held for reading."""


@operation()
def down_write(mm: Mm) -> None:
    """Take mmap_sem for writing; sleep in state D until nobody holds it."""


@operation()
def up_write(mm: Mm) -> None:
    """Release mmap_sem, which is held for writing."""


@operation(turn=False)
def find_vma(mm: Mm, address: int) -> Vma | None:
    """Find the first area that ends above an address; mmap_sem must be held. It may start above it, too."""


@operation(turn=False)
def find_vma_intersection(mm: Mm, start: int, end: int) -> tuple[Vma, ...]:
    """Find every area that overlaps ``[start, end)``; mmap_sem must be held."""


@operation(turn=False)
def set_vma_context(vma: Vma, context: Context | None) -> None:
    """Attach an area to a userfaultfd, or detach it; mmap_sem must be held for writing."""


@operation(turn=False)
def split_vma(vma: Vma, address: int) -> None:
    """Cut an area in two at an address; the handle keeps the lower part. mmap_sem is held for writing."""


@operation(turn=False)
def free_vma(vma: Vma) -> None:
    """Take an area out of its address space and free it; mmap_sem must be held for writing."""


@operation(turn=False)
def insert_vma(mm: Mm, start: int, end: int, vm_flags: int) -> Vma:
    """Add an area; mmap_sem must be held for writing."""


@operation()
def get_pte(mm: Mm, address: int) -> int:
    """Read the page-table entry of an address; 0 when there is none."""


@operation()
def set_pte_if_none(mm: Mm, address: int, pfn: int, writable: bool) -> bool:
    """Map a page if the entry is empty, as one step under the page-table lock; say whether it was."""


@operation()
def make_pte_writable(mm: Mm, address: int, pfn: int) -> bool:
    """Replace a present read-only entry by a writable, dirty one and flush it; say whether there was one."""


@operation()
def zap_pte(mm: Mm, address: int) -> bool:
    """Empty the entry of an address and flush its translations; say whether it was present."""


@operation()
def alloc_page(byte: int) -> int:
    """Give the number of a free page frame, filled with `byte`."""


@operation(turn=False)
def my_zero_pfn() -> int:
    """Give the number of the shared zero page's frame."""


@operation(turn=False)
def pte_pfn(pte: int) -> int:
    """Give the frame number that a page-table entry holds."""


@operation()
def signal_pending(task: Task) -> bool:
    """Say whether a signal that the task doesn't block is pending (TIF_SIGPENDING)."""


@operation()
def fatal_signal_pending(task: Task) -> bool:
    """Say whether SIGKILL is pending for the task."""


@operation()
def send_signal(task: Task, signal: int) -> None:
    """Send a signal to a task's process, as kill(2) does."""


@operation(turn=False)
def force_sig_fault(signal: int, code: int, address: int) -> None:
    """Send the running task a signal for a fault that it can't ignore."""


@operation()
def dequeue_signal() -> Siginfo | None:
    """Take the next pending signal of the running task."""


@operation()
def flush_signals(task: Task) -> None:
    """Throw away every pending signal of a task. Kernel threads use it; user tasks lose signals."""


@operation(turn=False)
def deliver_signal(signal: int) -> str:
    """Do what the running task asked for: give ``handler``, ``escape``, ``stop``, ``kill`` or ``ignore``."""


@operation()
def set_current_state(state: int) -> None:
    """Set the state of the running task, before it looks for a reason not to sleep."""


@operation()
def schedule() -> None:
    """Sleep until the state is RUNNING again, or a signal ends this kind of sleep."""


@operation()
def schedule_timeout(ticks: int) -> None:
    """Sleep as `schedule` does, but no longer than `ticks` microseconds of virtual time."""


@operation(turn=False)
def stop_until_continued() -> None:
    """Set the running task to stopped, until SIGCONT or SIGKILL."""


@operation(turn=False)
def do_exit(signal: int) -> None:
    """End the running task; `signal` is what killed it, or 0."""


@operation()
def userfaultfd_queue(context: Context, address: int, message_flags: int, state: int) -> Wait:
    """Queue a message for the monitor and set the task's state, as one step under the queue's lock."""


@operation()
def userfaultfd_dequeue(wait: Wait) -> None:
    """Set the state to RUNNING and take the entry out of its queue."""


@operation()
def wake_up_poll(context: Context) -> None:
    """Wake a monitor that sleeps in poll() on this userfaultfd."""


@operation()
def userfaultfd_next_message(context: Context) -> Message | None:
    """Move the oldest pending message to those that were read, and give it."""


@operation()
def userfaultfd_wake(context: Context, start: int, length: int) -> int:
    """Wake the tasks whose message lies in a range; give their number."""


@operation()
def userfaultfd_release(context: Context) -> None:
    """Mark a userfaultfd as closed."""


@operation()
def poll_queue(context: Context) -> None:
    """Queue for messages and set the state to INTERRUPTIBLE, as one step under the queue's lock."""


@operation()
def poll_dequeue(context: Context) -> None:
    """Set the state to RUNNING and leave the queue for messages."""


@operation(turn=False)
def count(counter: str) -> None:
    """Add one to a counter of the running task: ``maj_flt`` or ``min_flt``."""


@operation(turn=False)
def perf_sw_event(event: str) -> None:
    """Count a perf software event: ``page-faults``, ``major-faults`` or ``minor-faults``."""


@operation(turn=False)
def count_vm_event(event: str) -> None:
    """Count an event of /proc/vmstat: ``pgfault`` or ``pgmajfault``."""


@operation()
def access(address: int, kind: str, value: int) -> AccessResult:
    """Let the CPU of the running task make one access: TLB, walk, permission, A and D bits."""


@operation(turn=False)
def clock() -> int:
    """Give the virtual time, in ticks of one microsecond."""


@operation(turn=False)
def report(what: str, value: str) -> None:
    """Tell the recorder of the run something that a program saw."""


@operation(turn=False)
def policies() -> Any:
    """Give the policies of the tree that runs (`pyemu.tree.Policies`); only for the kernel's own code."""
