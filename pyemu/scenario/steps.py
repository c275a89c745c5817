"""Steps: what a task's program can do, and the keys of each."""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class Action(StrEnum):
    """What a step does."""

    READ = "read"
    WRITE = "write"
    PAUSE = "pause"
    WAIT_MESSAGE = "wait_message"
    POLL = "poll"
    COPY = "copy"
    WAKE = "wake"
    UNREGISTER = "unregister"
    CLOSE = "close"
    SIGNAL = "signal"
    SAMPLE = "sample"
    MARK = "mark"
    POST = "post"
    WAIT_POST = "wait_post"
    MMAP_FIXED = "mmap_fixed"
    MUNMAP = "munmap"
    MADV_DONTNEED = "madvise_dontneed"


REQUIRED = object()
# Keys of each step: name -> default. `page` counts from the area's start; `pages` is a length in pages;
# `ticks` is a time in us (of the waits: at most that long; None, no limit); `byte` is 0 to 255; `task` names
# a task; `answer` means the page of the last message that the task read, if it read one.
STEPS: dict[Action, dict[str, Any]] = {
    Action.READ: {"area": REQUIRED, "page": 0, "offset": 0},
    Action.WRITE: {"area": REQUIRED, "page": 0, "offset": 0, "byte": 7},
    Action.PAUSE: {"ticks": REQUIRED},
    Action.WAIT_MESSAGE: {"ticks": None},
    Action.POLL: {"ticks": REQUIRED},
    Action.COPY: {"area": REQUIRED, "page": 0, "byte": 5, "wake": True, "answer": False},
    Action.WAKE: {"area": REQUIRED, "page": 0, "pages": 1, "answer": False},
    Action.UNREGISTER: {"area": REQUIRED, "page": 0, "pages": None},
    Action.CLOSE: {},
    Action.SIGNAL: {"task": REQUIRED, "signal": REQUIRED},
    Action.SAMPLE: {"task": REQUIRED, "label": "state"},
    Action.MARK: {"label": REQUIRED},
    Action.POST: {"task": REQUIRED},
    Action.WAIT_POST: {"ticks": None},
    Action.MMAP_FIXED: {"area": REQUIRED, "page": 0, "pages": 1},
    Action.MUNMAP: {"area": REQUIRED, "page": 0, "pages": 1},
    Action.MADV_DONTNEED: {"area": REQUIRED, "page": 0, "pages": 1},
}
MEMORY = {
    Action.READ,
    Action.WRITE,
    Action.MMAP_FIXED,
    Action.MUNMAP,
    Action.MADV_DONTNEED,
}  # of the task itself
SERVING = {Action.WAIT_MESSAGE, Action.POLL, Action.COPY, Action.WAKE, Action.UNREGISTER, Action.CLOSE}
