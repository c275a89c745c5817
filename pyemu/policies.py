"""Policies: what the kernel's code asks of the tree that runs.

Kernel code never asks for a patch or a version. It asks a question such as "may this fault leave on any
signal?"; `pyemu.tree` says which patch, which fix and which release gives which answer.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyemu.arches import Arch, PageFaults
from pyemu.flags import FaultFlag


@dataclass(frozen=True, slots=True)
class Policies:
    """The answers of one tree.

    Attributes
    ----------
    leaves_late_retry : bool
        A RETRY that was not allowed ends the fault, and the access faults again (before patch 4). No callee
        of the kernel gives one: a faulty callee shows the difference [fact:p04-x86].
    reads_area_after_fault : bool
        After handle_mm_fault the x86 code reads the area once more, for its protection key: Linux v4.14, in
        the year of the report. No tree does; a scenario asks for it [fact:use-after-free-2017].
    leave_on_any_signal : bool
        After RETRY, a user-mode fault leaves for any signal (patch 9), not only for SIGKILL
        [fact:p09-any-signal].
    nopage_after_signal : bool
        handle_userfault takes the lock again and emulates NOPAGE after a non-fatal signal (before patch 10)
        [fact:p10-no-nopage].
    default_flags : FaultFlag
        What an architecture's fault handler starts with: 0x14, from patch 12 on 0x214 [fact:flag-default].
    interruptible_in_kernel_mode : bool
        A fault from kernel mode keeps FAULT_FLAG_INTERRUPTIBLE if `default_flags` has it (without fix B5)
        [fact:b5-busy-loop].
    interruptible_by_flag : bool
        The userfaultfd sleep looks at FAULT_FLAG_INTERRUPTIBLE (patch 12), not at USER and KILLABLE
        [fact:p12-interruptible].
    killable_by_flag : bool
        Without FAULT_FLAG_KILLABLE the userfaultfd sleep is deaf to SIGKILL (patch 16)
        [fact:p16-honour-killable].
    retry_once : bool
        The second attempt may not retry: ALLOW_RETRY is cleared after the first (before patch 13)
        [fact:p13-multi-retry].
    drops_on_first_try_only : bool
        Who waits for a page lock drops mmap_sem only if ALLOW_RETRY is set and TRIED is not (patch 13);
        before, ALLOW_RETRY alone decided [fact:retry-first-helper].
    gup_retries_once : bool
        get_user_pages may drop mmap_sem for one wait a page; the second attempt may not (before patch 14)
        [fact:p14-gup-multi-retry].
    gup_is_killable : bool
        get_user_pages allows its waits, and its wait for mmap_sem, to end on SIGKILL (patch 15)
        [fact:p15-gup-killable].
    gup_says_locked_too_early : bool
        It notes that mmap_sem is held before it is (patch 15 without fix B1) [fact:b1-bad-unlock].
    gup_gives_zero_when_killed : bool
        It gives 0 pages and no error when SIGKILL ends its retries (patch 14 without fix B2)
        [fact:b2-zero-pages].
    gup_takes_lock_killable : bool
        get_user_pages_unlocked takes mmap_sem itself by a wait that SIGKILL ends, with -EAGAIN (6.3)
        [fact:foll-unlockable].
    knows_foll_interruptible : bool
        get_user_pages gives up for any signal if its caller asks for that with FOLL_INTERRUPTIBLE (6.2)
        [fact:foll-interruptible].
    lookup_node_trusts_zero : bool
        get_mempolicy(2) uses the page although get_user_pages gave none (without fix B2')
        [fact:b2-lookup-node].
    lookup_node_is_fast : bool
        get_mempolicy(2) gets its page by get_user_pages_fast, after it has released mmap_sem (6.0)
        [fact:lookup-node-fast].
    fixup_ends_at_second_retry : bool
        fixup_user_fault gives 0, though the page is absent, when its second attempt says RETRY (patch 14
        without fix B3) [fact:b3-fixup-success].
    fatal_is_eintr : bool
        get_user_pages gives -EINTR for a task that is being killed (fix B4), not -ERESTARTSYS
        [fact:b4-eintr].
    gup_read_breaks_cow : bool
        get_user_pages for reading faults as a write, so that a shared page is copied first (5.8, and
        stable releases of 5.4 and 5.7; gone in 5.9) [fact:gup-read-as-write].
    account_in_handle_mm_fault : bool
        handle_mm_fault counts faults itself, once, and a fault that was tried is major (5.9); before, each
        caller counted [fact:count-once].
    pgfault_counts_faults : bool
        vmstat's pgfault counts faults that came to an end (6.4) [fact:count-pgfault-fault], not attempts
        [fact:count-pgfault-attempt].
    userfault_sleeps_once : bool
        handle_userfault sleeps once and gives RETRY, whatever woke it; it always wakes the monitor, and never
        says MAJOR (5.9) [fact:uffd-one-sleep].
    retry_when_released : bool
        A fault that meets a userfaultfd in the moment of its closing drops mmap_sem and gives RETRY (6.12);
        before, it gave NOPAGE and kept the lock [fact:uffd-released-retry].
    knows_user_mode_only : bool
        userfaultfd(2) takes UFFD_USER_MODE_ONLY (5.11) [fact:uffd-user-mode-only].
    read_wait_is_killable : bool
        A fault that reads its page itself can be killed while it waits for that (5.15)
        [fact:file-own-read-killable].
    cow_counts_references : bool
        A write to a read-only page of one's own copies it if anybody else holds a reference to it (5.9);
        before, only other mappings counted [fact:cow-by-references].
    cow_frees_swap : bool
        Such a write to a page that only the swap cache holds as well takes it out of there (6.0); before,
        the cache's reference counted like any other [fact:cow-frees-swap].
    swapin_maps_writable : bool
        A page of one's own is mapped writable at swap-in whenever its area is, but not where a userfaultfd
        protects it: such a write goes on to the monitor (6.12). Before, a write was done in any case, and a
        read left the entry read-only [fact:swap-in-maps-writable].
    swapin_needs_mmap_lock : bool
        A page that is not in its place is not served under the lock of its area alone (6.4 and 6.5)
        [fact:vma-lock-swap].
    khugepaged_gives_up : bool
        khugepaged ends its scan when a page that it swaps in has to be waited for (6.0); before, it took
        mmap_sem again and went on with the next page [fact:khugepaged-gives-up].
    dirty_wait_completes : bool
        A first write to a shared page that dropped the lock for dirty throttling is done (COMPLETED, 6.0);
        before, it gave RETRY [fact:dirty-shared-completes].
    mprotect_maps_writable : bool
        mprotect(2) makes the entry of an exclusive, dirty page writable at once (6.0); before, the next write
        faults [fact:mprotect-maps-writable].
    copy_tries_rest_again : bool
        A block copy from or to user memory that faulted for good tries the rest once more, byte by byte
        (before 6.4; later, processors with fast string moves don't) [fact:copy-user-tail].
    read_zero_gives_up_rest : bool
        read(2) of /dev/zero ends where a page can't be written (5.10); before, it asked for the rest first
        [fact:read-zero].
    write_needs_whole_prefault : bool
        write(2) ends when any part of the next chunk can't be had (before 6.0), not only when all can't
        [fact:tmpfs-write].
    write_copies_first : bool
        write(2) copies first, and touches the user's page only after nothing could be copied (by 6.18)
        [fact:tmpfs-write-copy-first].
    fault_lock_is_killable : bool
        SIGKILL ends a fault's wait for mmap_sem (6.5, and stable releases of 6.1 and 6.4)
        [fact:x86-lock-killable].
    vma_lock_first : bool
        A fault from user mode makes its first attempt under the lock of its area alone (6.4 and later)
        [fact:x86-vma-first].
    vma_lock_anonymous_only : bool
        That is done for anonymous memory without a userfaultfd only (6.4 and 6.5)
        [fact:vma-lock-anonymous-first].
    vma_lock_marks_tried : bool
        After that attempt the fault counts as tried if it ended with RETRY and MAJOR (6.8)
        [fact:x86-vma-tried].
    vma_lock_ends_bad_access : bool
        An access that the area forbids ends in that attempt (6.12); before, it was looked at once more under
        mmap_sem [fact:x86-vma-bad-access].
    arch : Arch
        Whose page-fault handler runs [fact:arch-handlers].
    waits_with_table : bool
        Kernel code waits for mmap_sem only if the exception table has an entry for it; some architectures
        waited without looking [fact:arch-lock].
    repeats_when_killed : bool
        A kernel-mode fault that SIGKILL ends goes back to the instruction that faulted, not to its fixup
        (13 architectures, repaired by 6.3) [fact:b7-livelock] [fact:b7-repaired].
    allows_retry : bool
        The handler has a retry at all; csky had none, and passed no flag but WRITE (until after 5.9)
        [fact:arch-csky-no-retry].
    sets_tried : bool
        The second attempt has TRIED; alpha, parisc and unicore32 forget it (before patch 13)
        [fact:arch-no-tried].
    swallows_errors_when_killed : bool
        A task that is being killed is not told of an error of its fault (sh, before patch 8) [fact:p08-sh].
    releases_twice : bool
        SIGBUS and SIGSEGV faults release mmap_sem twice (sh from patch 8 on, without fix B6)
        [fact:b6-sh-double-unlock].
    oom_keeps_lock : bool
        A fault without memory leaves mmap_sem held (csky, as long as it had no retry)
        [fact:arch-csky-oom].
    page_faults : PageFaults
        Where the perf event page-faults stands; from 5.9 on at the entry, but for um [fact:arch-perf].
    guest_nowait : bool
        A guest's fault is asked for with RETRY_NOWAIT (s390, before 6.12) [fact:arch-s390-guest].
    gup_stops_after_hugetlb : bool
        get_user_pages stops by itself when the walk of a huge-page area lost mmap_sem (patch 2); the walk
        asks for no more pages then, so that nothing can be seen [fact:p02-hugetlb-stop].
    gup_walks_hugetlb : bool
        get_user_pages has a walk of its own for areas of huge pages (until 6.5) [fact:gup-hugetlb-walk].
    hugetlb_takes_i_mmap : bool
        A fault on a huge page holds the lock of its file's mappings (5.7 to 6.0) [fact:hugetlb-i-mmap].
    hugetlb_takes_locks_again : bool
        A fault on a huge page that waited for a monitor takes its locks again, though mmap_sem is gone (until
        6.0) [fact:hugetlb-handle-userfault].
    minor_faults : bool
        A userfaultfd may be asked for faults on huge pages that are in the cache (5.13)
        [fact:uffd-minor-hugetlb].
    minor_faults_of_shmem : bool
        The same for shared memory (5.14) [fact:uffd-minor-shmem].
    hugetlb_walk_keeps_count : bool
        Test apparatus: the walk of a huge-page area forgets to say after RETRY that no page is wanted any
        more. No tree does; a scenario asks for it [fact:p02-hugetlb-stop].
    hugetlb_walk_says_dropped : bool
        Test apparatus: it says that mmap_sem was dropped even with FOLL_NOWAIT. No tree does
        [fact:p02-hugetlb-stop].
    """

    leaves_late_retry: bool
    reads_area_after_fault: bool
    leave_on_any_signal: bool
    nopage_after_signal: bool
    default_flags: FaultFlag
    interruptible_in_kernel_mode: bool
    interruptible_by_flag: bool
    killable_by_flag: bool
    retry_once: bool
    drops_on_first_try_only: bool
    gup_retries_once: bool
    gup_is_killable: bool
    gup_says_locked_too_early: bool
    gup_gives_zero_when_killed: bool
    gup_takes_lock_killable: bool
    knows_foll_interruptible: bool
    lookup_node_trusts_zero: bool
    lookup_node_is_fast: bool
    fixup_ends_at_second_retry: bool
    fatal_is_eintr: bool
    gup_read_breaks_cow: bool
    account_in_handle_mm_fault: bool
    pgfault_counts_faults: bool
    userfault_sleeps_once: bool
    retry_when_released: bool
    knows_user_mode_only: bool
    read_wait_is_killable: bool
    cow_counts_references: bool
    cow_frees_swap: bool
    swapin_maps_writable: bool
    swapin_needs_mmap_lock: bool
    khugepaged_gives_up: bool
    dirty_wait_completes: bool
    mprotect_maps_writable: bool
    copy_tries_rest_again: bool
    read_zero_gives_up_rest: bool
    write_needs_whole_prefault: bool
    write_copies_first: bool
    fault_lock_is_killable: bool
    vma_lock_first: bool
    vma_lock_anonymous_only: bool
    vma_lock_marks_tried: bool
    vma_lock_ends_bad_access: bool
    arch: Arch
    waits_with_table: bool
    repeats_when_killed: bool
    allows_retry: bool
    sets_tried: bool
    swallows_errors_when_killed: bool
    releases_twice: bool
    oom_keeps_lock: bool
    page_faults: PageFaults
    guest_nowait: bool
    gup_stops_after_hugetlb: bool
    gup_walks_hugetlb: bool
    hugetlb_takes_i_mmap: bool
    hugetlb_takes_locks_again: bool
    minor_faults: bool
    minor_faults_of_shmem: bool
    hugetlb_walk_keeps_count: bool
    hugetlb_walk_says_dropped: bool
