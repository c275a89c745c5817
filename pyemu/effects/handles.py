"""Handles: names for objects that live with the executor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from pyemu.effects.core import Effect


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
    readable: ClassVar[tuple[str, ...]] = (
        *("vm_start", "vm_end", "vm_flags", "vm_mm", "vm_userfaultfd_ctx"),
        *("vm_file", "vm_pgoff", "vm_ops", "is_resv_owner"),
    )


@dataclass(frozen=True, slots=True)
class File(Handle):
    """A file, with the cache of its pages (``struct file``, ``struct address_space``)."""

    kind: ClassVar[str] = "file"
    readable: ClassVar[tuple[str, ...]] = ("size", "read_ahead", "throttle")


@dataclass(frozen=True, slots=True)
class Context(Handle):
    """One userfaultfd (``struct userfaultfd_ctx``)."""

    kind: ClassVar[str] = "context"
    readable: ClassVar[tuple[str, ...]] = ("released", "pending", "features", "user_mode_only", "mm")


@dataclass(frozen=True, slots=True)
class Wait(Handle):
    """A task's entry in the queue of a userfaultfd (``struct userfaultfd_wait_queue``)."""

    kind: ClassVar[str] = "wait"
    readable: ClassVar[tuple[str, ...]] = ("waken",)


@dataclass(frozen=True, slots=True)
class Task(Handle):
    """A task (``struct task_struct``). Task 0 means the one that runs: `current`."""

    kind: ClassVar[str] = "task"
    readable: ClassVar[tuple[str, ...]] = ("mm", "exiting", "state", "pagefault_disabled", "forks", "sp")


@dataclass(frozen=True, slots=True)
class Pipe(Handle):
    """A pipe (``struct pipe_inode_info``): whether there is data, whether there is room."""

    kind: ClassVar[str] = "pipe"
    readable: ClassVar[tuple[str, ...]] = ("has_data", "has_room")


current = Task(0)

KINDS = (Mm, Vma, File, Context, Wait, Task, Pipe)
HANDLES: dict[str, type[Handle]] = {kind.kind: kind for kind in KINDS}
