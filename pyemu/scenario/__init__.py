"""Scenarios: what happens, as plain data.

A scenario names areas of memory, tasks and their programs. It is written as TOML (version 1), checked against
one schema, and means the same on every tree. `Scenario.load` reads one of the library or a file;
`Scenario.from_dict` takes the same data from Python. All times are ticks of virtual time (1 tick = 1 us).

The format, with units and defaults::

    version = 1                    # of this format; required
    name = "S13"                   # short name; required
    title = "..."                  # one line; required
    story = "..."                  # what happens, in a sentence or two (default: empty)
    source = "..."                 # where it comes from: a card, a record, a report (default: empty)
    permits = ["spin"]             # findings that this scenario may show on some tree (default: none)

    [machine]
    n_cpus = 2                     # 1 to 8 (default 2)
    preemption = false             # may the kernel be interrupted for another task? (default false)
    ram_pages = 256                # emulated RAM, pages of 4096 bytes, 16 to 65536 (default 256)
    max_ticks = 10_000_000         # a run ends after this time (default 10 s)
    arch = "x86"                   # whose page-fault handler runs: a name of `pyemu.arches` (default "x86")
    x86 = "5.7"                    # or "4.14": its handler reads the area after the fault (default "5.7")

    [[files]]                      # with one of kind "disk", the machine has a task named disk
    name = "F"                     # required
    kind = "disk"                  # "disk", or "tmpfs": the page cache is its only place (default "disk")
    pages = 64                     # its length, 1 to 512 (default 1)
    byte = 1                       # what it is filled with (default 1)
    cached = [0, 1]                # pages that are in memory at the start; true: all (default: none)
    io_ticks = 10_000              # how long the disk needs for one request (default 10 ms)
    read_ahead = 32                # pages that are read around a missing one; 0: none (default 32)
    throttle = 0                   # how long a task waits that makes a page dirty (default 0)

    [[areas]]
    name = "V"                     # required
    pages = 4                      # 1 to 512 (default 1)
    process = "P"                  # whose it is (default: the process of the first task)
    address = 0x7f0000000000       # first byte, a multiple of 4096 (default: this, and 1 GiB further each)
    prot = "rw"                    # "r" or "rw" (default "rw")
    populated = [0]                # pages that are mapped at the start, filled with zeros (default: none)
    userfaultfd = true             # registered: true means "missing"; "wp", "missing+wp" (default false)
    features = ["SIGBUS"]          # of the process's userfaultfd (default: none)
    user_mode_only = false         # made with UFFD_USER_MODE_ONLY, for Linux v5.11 and later (default false)
    kind = "file"                  # "anon"; "shmem": shared memory without a file; "file"; "faulty": a driver
                                   # that is wrong on purpose; "oom", "sigsegv": one whose first fault gives
                                   # that (default "file" with the key file, else "anon")
    file = "F"                     # what an area of kind "file" shows
    first_page = 0                 # which page of it is the area's first (default 0)
    shared = true                  # MAP_SHARED (default: true for "shmem", else false: MAP_PRIVATE)
    random = true                  # MADV_RANDOM: nothing is read ahead (default false)

    [[tasks]]
    name = "T"                     # required
    process = "P"                  # tasks of one process share memory (default: the task's name)
    thread = true                  # they share signals, too; false: memory only (default true)
    forked = true                  # it is not there until a step `fork` names it; then it has the areas of
                                   # the task that forks, and its signals but for its own (default false)
    monitor = false                # a run ends when all tasks but the monitors have ended (default false)
    serves = "P"                   # whose userfaultfd its steps mean (default: the first area's process)
    signals = { SIGUSR1 = "handler" }  # handler, restart, escape, ignore, default (default: default);
                                   # it holds for all threads of the process
    blocked = ["SIGUSR2"]          # signals that this task blocks (default: none)
    stack = "S"                    # area at whose end its signal frames are written (default: none are)
    program = [
      { do = "read", area = "V", page = 1 },
    ]

    [expect."before upto9"]        # what happens on these trees (default: nothing is said)
    T = { outcome = "ret=5", attempts = 2 }   # by task: fields of a result (`EXPECTED`)
    violations = ["I5"]            # rules that are broken, each named once (default: none)
    end = "done"                   # done, hang or time limit (default: done)
    samples = { blocked = "D" }    # what the steps `sample` told, by label (default: nothing is said)
    vmstat = { pgmajfault = 1 }    # (default: nothing is said)

Steps (`do`) and their keys are those of `pyemu.scenario.steps`.
"""

from __future__ import annotations

from pyemu.scenario.model import EXPECTED as EXPECTED
from pyemu.scenario.model import Area as Area
from pyemu.scenario.model import Expectation as Expectation
from pyemu.scenario.model import FileSpec as FileSpec
from pyemu.scenario.model import MachineSpec as MachineSpec
from pyemu.scenario.model import ResolvedStep as ResolvedStep
from pyemu.scenario.model import Scenario as Scenario
from pyemu.scenario.model import Step as Step
from pyemu.scenario.model import TaskSpec as TaskSpec
from pyemu.scenario.reader import VERSION as VERSION
from pyemu.scenario.steps import STEPS as STEPS
from pyemu.scenario.steps import Action as Action
