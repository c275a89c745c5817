"""What a handler may import: flags, handles, records, operations and calls. Nothing of the kernel itself.

``from pyemu.stubs import *`` gives a handler every name that kernel code of this package uses. A child
process that runs a learner's handler imports this module and what it rests on, and no more.
"""

from __future__ import annotations

from collections.abc import Mapping

from pyemu import flags as _flags
from pyemu.calls import ALLOWED, CALLS
from pyemu.calls import declare as _declare
from pyemu.effects import OPERATIONS
from pyemu.effects import operations as _operations
from pyemu.effects.extable import search_exception_tables
from pyemu.effects.handles import HANDLES, Context, Mm, Pipe, Task, Vma, Wait, current
from pyemu.effects.records import (
    AccessResult,
    FaultinResult,
    FixupResult,
    GupResult,
    Message,
    Regs,
    user_mode,
)

# What only the kernel's own code and the programs of a scenario use.
PRIVATE = frozenset({"policies", "report", "access", "deliver_signal", "clock", "do_exit"})

# Built from the declarations, so that none can be forgotten.
__all__ = [
    *(name for name in vars(_flags) if name.isupper() and not name.startswith("_")),
    *(name for name in OPERATIONS if not name.startswith("read_") and name not in PRIVATE),
    *CALLS,
    *(
        "AccessResult",
        "Context",
        "FaultinResult",
        "FixupResult",
        "GupResult",
        "Message",
        "Mm",
        "Pipe",
        "Regs",
        "Task",
        "Vma",
    ),
    *("Wait", "current", "user_mode"),
    "search_exception_tables",
]

_sources: tuple[Mapping[str, object], ...] = (vars(_flags), _operations.BUILDERS, _declare.BUILDERS)
globals().update({name: source[name] for source in _sources for name in __all__ if name in source})


def allowed(function: str) -> frozenset[str]:
    """Give the operations and calls that a replacement of a kernel function may use.

    Parameters
    ----------
    function : str
        Name of the kernel function.

    Returns
    -------
    frozenset of str
        Titles: ``down_read``, ``vma.vm_flags``, ``handle_mm_fault``. The function itself is never among them.
    """
    if function in ALLOWED:
        return ALLOWED[function]
    fields = {f"{kind.kind}.{field}" for kind in HANDLES.values() for field in kind.readable}
    return frozenset((set(OPERATIONS) | set(CALLS) | fields) - PRIVATE - {function})


__all__ += ["allowed"]

_UNUSED = (
    *(AccessResult, Context, FaultinResult, FixupResult, GupResult, Message, Mm, Pipe, Regs, Task, Vma, Wait),
    *(current, search_exception_tables, user_mode),
)
