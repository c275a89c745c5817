"""The disk: a task of the machine that serves one request after the other, each in its time.

A page that is being read is locked, and its lock is the disk's: the end of the request releases it. A page
that is being written is under writeback and not locked.
"""

from __future__ import annotations

from dataclasses import replace

from pyemu.effects import Effect
from pyemu.effects.handles import File
from pyemu.errors import HandlerError
from pyemu.flags import PAGE_SHIFT, PAGE_SIZE, TASK_INTERRUPTIBLE, TASK_UNINTERRUPTIBLE
from pyemu.pages import get_frame
from pyemu.sched import lockdep
from pyemu.sched.files import file_state
from pyemu.sched.pages import Places, hand_on
from pyemu.sched.semantics import Again, World, semantics
from pyemu.sched.tasks import Task
from pyemu.state import FrameState, Location, Request

QUEUE: Location = ("disk",)
SERVED: Location = ("served",)  # the request that the disk is busy with
DISK_TASK: Location = ("disk_task",)


def pages_of(world: World, request: Request) -> list[Location]:
    """Give the frames of a request: its pages are locked or under writeback, so they stay where they are."""
    numbers = range(request.first, request.first + request.pages)
    found = (world.state.data.get(("cache", request.file, number)) for number in numbers)
    return [("frame", pfn) for pfn in found if pfn is not None]


def submitted(world: World, task: Task, file: File, first: int, pages: int) -> Places:
    """Footprint of a request: the queue, the pages, the disk that wakes."""
    disk = world.state.data.get(DISK_TASK)
    frames = pages_of(world, Request(file.id, first, pages, False))
    places: list[Location] = [("cache", file.id, number) for number in range(first, first + pages)]
    return [DISK_TASK, SERVED, ("file", file.id), *places], [QUEUE, ("state", disk), *frames]


def submit(world: World, task: Task, request: Request) -> list[int]:
    """Queue a request, and wake the disk if it is idle; give the frames of its pages."""
    disk = world.state.get(DISK_TASK)
    file = file_state(world, request.file)
    numbers = range(request.first, request.first + request.pages)
    frames = [world.state.get(("cache", request.file, number)) for number in numbers]
    if disk is None or file.kind not in ("file", "swap") or None in frames:
        raise HandlerError(
            f"pages {request.first} to {numbers[-1]} of {file.name} can't go to a disk: the file must be on "
            "one, and they must be in its cache."
        )
    world.state.set(QUEUE, (*world.state.get(QUEUE, ()), request))
    which = f"page {request.first}" if request.pages == 1 else f"pages {request.first} to {numbers[-1]}"
    verb = "write" if request.write else "read"
    world.event(task, "disk", request.pages, f"is asked to {verb} {which} of {file.name}")
    if world.state.get(SERVED) is None:
        world.wake(world.tasks[disk], "request")
    return frames


@semantics(submitted)
def submit_read(world: World, task: Task, file: File, first: int, pages: int) -> None:
    """Ask for pages; their locks pass to the disk."""
    disk = world.state.get(DISK_TASK)
    for pfn in submit(world, task, Request(file.id, first, pages, write=False)):
        lockdep.gave_back(task, lockdep.LockClass.PAGE, pfn)
        world.state.set(("frame", pfn), replace(get_frame(world.state, pfn), locked_by=disk))
        lockdep.gave_back(task, lockdep.LockClass.PAGE, pfn)
        lockdep.took(world.tasks[disk], lockdep.LockClass.PAGE, pfn)


@semantics(submitted)
def submit_write(world: World, task: Task, file: File, first: int, pages: int) -> None:
    """Give pages away to be written."""
    for pfn in submit(world, task, Request(file.id, first, pages, write=True)):
        world.state.set(("frame", pfn), replace(get_frame(world.state, pfn), writeback=True))


def own_queue(world: World, task: Task, *_: object) -> Places:
    """Footprint of taking a request: the queue, its file, and one's own state."""
    queue: tuple[Request, ...] = world.state.data.get(QUEUE, ())
    return [("file", one.file) for one in queue[:1]], [QUEUE, SERVED, ("state", task.id)]


def begin(world: World) -> int:
    """Take the oldest request; give its time."""
    first, *rest = world.state.get(QUEUE)
    world.state.set(QUEUE, tuple(rest))
    world.state.set(SERVED, first)
    return file_state(world, first.file).io_ticks


@semantics(own_queue)
def next_request(world: World, task: Task) -> int | Again:
    """Take a request, or sleep."""
    if world.state.get(QUEUE, ()):
        return begin(world)
    world.set_state(task, TASK_INTERRUPTIBLE)
    return Again(Effect("request_wait"))


@semantics(own_queue, name="request_wait", enabled=lambda world, task: bool(world.state.get(QUEUE, ())))
def request_wait(world: World, task: Task) -> int:
    """Go on with a request."""
    return begin(world)


def ended(world: World, task: Task) -> Places:
    """Footprint of a request's end: its pages, what they hold, the states of those who wait."""
    request: Request = world.state.data[SERVED]
    numbers = range(request.first, request.first + request.pages)
    reads: list[Location] = [("file", request.file), *(("cache", request.file, one) for one in numbers)]
    writes: list[Location] = [SERVED, *(("stored", request.file, one) for one in numbers)]
    for place in pages_of(world, request):
        frame: FrameState = world.state.data[place]
        writes += [place, ("bytes", place[1])]
        writes += [("state", one) for one, _ in frame.waiters]
        writes += [("state", one) for one in frame.writeback_waiters]
    return reads, writes


def bring(world: World, file: int, pfn: int) -> None:
    """Fill a page with what the disk holds, and unlock it."""
    frame = get_frame(world.state, pfn)
    of_file = file_state(world, file)
    stored: bytes | None = world.state.get(("stored", file, frame.index))
    if stored is None:
        stored = bytes([of_file.byte if frame.index < of_file.filled else 0]) * PAGE_SIZE
    world.state.store(pfn << PAGE_SHIFT, stored)
    world.state.set(("frame", pfn), replace(frame, uptodate=True))
    hand_on(world, pfn)


def store(world: World, file: int, pfn: int) -> None:
    """Keep what a page holds, and wake who waits for that."""
    frame = get_frame(world.state, pfn)
    stored = world.state.load(pfn << PAGE_SHIFT, PAGE_SIZE)
    world.state.set(("stored", file, frame.index), stored)
    world.state.set(("frame", pfn), replace(frame, writeback=False, writeback_waiters=()))
    for one in frame.writeback_waiters:
        world.wake(world.tasks[one], "page written")


@semantics(ended)
def end_request(world: World, task: Task) -> None:
    """End the request."""
    request: Request = world.state.get(SERVED)
    world.state.set(SERVED, None)
    world.event(task, "disk", request.pages, "has written them" if request.write else "has read them")
    for number in range(request.first, request.first + request.pages):
        pfn = world.state.get(("cache", request.file, number))
        (store if request.write else bring)(world, request.file, pfn)


@semantics(lambda world, task, pfn: ([], [("frame", pfn), ("state", task.id)]))
def wait_on_page_writeback(world: World, task: Task, pfn: int) -> Again | None:
    """Wait for the disk."""
    frame = get_frame(world.state, pfn)
    if not frame.writeback:
        return None
    waiters = (*frame.writeback_waiters, task.id)
    world.state.set(("frame", pfn), replace(frame, writeback_waiters=waiters))
    world.set_state(task, TASK_UNINTERRUPTIBLE)
    world.event(task, "page_wait", pfn, "waits for the writeback")
    return Again(Effect("writeback_wait", (pfn,)))


@semantics(
    lambda world, task, pfn: ([("frame", pfn)], [("state", task.id)]),
    name="writeback_wait",
    enabled=lambda world, task, pfn: task.id not in get_frame(world.state, pfn).writeback_waiters,
)
def writeback_wait(world: World, task: Task, pfn: int) -> None:
    """Go on after the writeback."""
