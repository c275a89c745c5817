"""What a replacement of a kernel function may use, by name."""

from __future__ import annotations

# What a replacement of a kernel function may use: operations and calls by name. A read of a field is
# ``vma.vm_flags``. What is not listed here is refused, and the name that is replaced leads to itself.
_ARCH_FAULT = frozenset(
    {
        "task.mm",
        "task.pagefault_disabled",
        "down_read",
        "down_read_trylock",
        "down_read_killable",
        "up_read",
        "find_vma",
        "vma.vm_start",
        "vma.vm_end",
        "vma.vm_flags",
        "signal_pending",
        "fatal_signal_pending",
        "flush_signals",
        "force_sig_fault",
        "perf_sw_event",
        "count",
        "access_error",
        "bad_area",
        "bad_area_access_error",
        "bad_area_nosemaphore",
        "no_context",
        "mm_fault_error",
        "fault_signal_pending",
        "handle_mm_fault",
        "lock_vma_under_rcu",
        "vma_end_read",
    }
)
_GUP_LOCKED = frozenset(
    {
        "down_read",
        "down_read_trylock",
        "down_read_killable",
        "up_read",
        "signal_pending",
        "fatal_signal_pending",
        "__get_user_pages",
    }
)
_FIXUP = frozenset(
    {
        "down_read",
        "down_read_trylock",
        "down_read_killable",
        "up_read",
        "find_vma",
        "vma.vm_start",
        "vma.vm_end",
        "vma.vm_flags",
        "signal_pending",
        "fatal_signal_pending",
        "count_for",
        "handle_mm_fault",
    }
)
_PAGE_LOCK = frozenset(
    {
        "trylock_page",
        "lock_page",
        "lock_page_killable",
        "unlock_page",
        "wait_on_page_locked",
        "wait_on_page_locked_killable",
        "down_read",
        "down_read_trylock",
        "down_read_killable",
        "up_read",
        "signal_pending",
        "fatal_signal_pending",
        "set_current_state",
        "schedule",
        "schedule_timeout",
    }
)
# No operation that reads an entry of the page table: `userfaultfd_must_wait` leaves a trace of its look.
_USERFAULT = frozenset(
    {
        "task.exiting",
        "vma.vm_mm",
        "vma.vm_flags",
        "vma.vm_userfaultfd_ctx",
        "context.features",
        "context.released",
        "wait.waken",
        "down_read",
        "up_read",
        "userfaultfd_queue",
        "userfaultfd_dequeue",
        "userfaultfd_must_wait",
        "wake_up_poll",
        "set_current_state",
        "schedule",
        "schedule_timeout",
        "signal_pending",
        "fatal_signal_pending",
    }
)
_FAULTIN = frozenset({"vma.vm_flags", "count_for", "handle_mm_fault"})
ALLOWED: dict[str, frozenset[str]] = {
    "do_user_addr_fault": _ARCH_FAULT,
    "do_arch_fault": _ARCH_FAULT | {"pagefault_out_of_memory"},
    "__get_user_pages_locked": _GUP_LOCKED,
    "fixup_user_fault": _FIXUP,
    "faultin_page": _FAULTIN,
    "lock_page_or_retry": _PAGE_LOCK,
    "handle_userfault": _USERFAULT,
    "fault_signal_pending": frozenset({"signal_pending", "fatal_signal_pending", "flush_signals"}),
}
