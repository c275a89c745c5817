"""Trees: which of the sixteen patches are applied, which fixes came after, which release it is.

A `Tree` is a set of patch numbers of "mm: Page fault enhancements" v6 (merged for Linux v5.7)
[fact:series-goal], a set of follow-up fixes, and possibly a later release. Kernel code never asks for these:
it asks for a policy (`pyemu.policies`), and this module says which patch, fix or release gives which.

Every subset of the patches runs, with two rules. Patch 16 without 12 is refused: it reads a flag that 12
introduces. A fix without the patch that it mends has nothing to mend, and no effect. Patches 1, 3, 5 to 8
and 11 are renames and refactors: they switch no policy. What came with v5.7 beside the series and its fixes
is there in the released kernel, the tree `v5_7`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from pyemu.arches import X86, Arch, PageFaults, Reaction
from pyemu.errors import TreeError
from pyemu.flags import FaultFlag
from pyemu.policies import Policies

N_PATCHES = 16
# Fixes that Linux v5.7.14 has, and ours: B5 for the busy loop of kernel-mode faults, B6 for what sh
# releases twice.
UPSTREAM = ("B1", "B2", "B2'", "B3", "B4")
OURS = ("B5", "B6")
FIXES = (*UPSTREAM, *OURS)
# Later kernels: each has the series and its upstream fixes. 5.10, 6.1, 6.12, 6.18 and 7.2 were recorded; the
# others stand where something came that the course tells of, and were read in their sources.
RELEASES = ("5.8", "5.9", "5.10", "6.0", "6.1", "6.2", "6.3", "6.4", "6.5", "6.8", "6.12", "6.18", "7.2")
SERIES_RELEASE = "5.7"

Changes = int | str | Iterable[int | str]  # patches by number, fixes by name


@dataclass(frozen=True, slots=True)
class Tree:
    """The code that runs: a set of applied patches and of later fixes.

    Attributes
    ----------
    patches : frozenset of int
        Applied patches, 1 to 16.
    fixes : frozenset of str
        Follow-up fixes: ``B1``, ``B2``, ``B2'``, ``B3``, ``B4`` of Linux v5.7.14, ``B5`` and ``B6`` of ours
        [fact:b1-bad-unlock] [fact:b2-zero-pages] [fact:b2-lookup-node] [fact:b3-fixup-success]
        [fact:b4-eintr] [fact:b5-busy-loop] [fact:b6-sh-double-unlock].
    release : str
        ``5.7``, or a later kernel of `RELEASES`: what changed between the two is applied as well.

    Raises
    ------
    TreeError
        For a number that is no patch, and for a set in which a patch misses its premise.

    Examples
    --------
    >>> str(Tree.upto(9)), str(Tree.after - 9), str(Tree.v5_7 + "B5"), str(Tree.parse("v6_1"))
    ('upto9', 'after-9', 'v5_7+B5', 'v6_1')
    """

    patches: frozenset[int]
    fixes: frozenset[str] = frozenset()
    release: str = SERIES_RELEASE

    before: ClassVar[Tree]
    after: ClassVar[Tree]
    v5_7: ClassVar[Tree]

    def __post_init__(self) -> None:
        _check_known(self.patches | self.fixes)
        if self.release not in (SERIES_RELEASE, *RELEASES):
            raise TreeError(
                f"release {self.release!r} is not modelled: it must be {SERIES_RELEASE}, "
                f"{', '.join(RELEASES)}. Take the nearest of these."
            )
        if 16 in self.patches and 12 not in self.patches:
            raise TreeError(
                "patch 16 without patch 12 has no meaning: 16 chooses the sleep by "
                "FAULT_FLAG_INTERRUPTIBLE, and it "
                "is 12 that introduces this flag. Take out 16 as well, or put 12 back."
            )

    @classmethod
    def upto(cls, n: int) -> Tree:
        """Give the tree with patches 1 to `n` applied.

        Parameters
        ----------
        n : int
            0 (nothing applied) to 16.

        Returns
        -------
        Tree
            The tree.

        Raises
        ------
        TreeError
            When there is no such patch.
        """
        if not 0 <= n <= N_PATCHES:
            raise TreeError(
                f"upto({n}) has no meaning: the series has patches 1 to {N_PATCHES}; 0 applies none."
            )
        return cls(frozenset(range(1, n + 1)))

    def __sub__(self, changes: Changes) -> Tree:
        """Give this tree without some patches or fixes."""
        patches, fixes = _split(changes)
        return Tree(self.patches - patches, self.fixes - fixes, self.release)

    def __add__(self, changes: Changes) -> Tree:
        """Give this tree with some patches or fixes more."""
        patches, fixes = _split(changes)
        return Tree(self.patches | patches, self.fixes | fixes, self.release)

    def __contains__(self, patch: int) -> bool:
        return patch in self.patches

    @classmethod
    def later(cls, release: str) -> Tree:
        """Give the tree of a later kernel: the whole series, its upstream fixes, and what came since.

        Parameters
        ----------
        release : str
            One of `RELEASES`.

        Returns
        -------
        Tree
            The tree.

        Raises
        ------
        TreeError
            When that release is not modelled.
        """
        return cls(frozenset(range(1, N_PATCHES + 1)), frozenset(UPSTREAM), release)

    @classmethod
    def parse(cls, text: str) -> Tree:
        """Read a tree's name, as `str` writes it.

        Parameters
        ----------
        text : str
            ``before``, ``after``, ``v5_7``, ``upto9`` (or ``upto(9)``) or a later kernel such as ``v6_1``;
            then patches and fixes taken out (``after-9-10``) or put in (``before+13``, ``v5_7+B5``).

        Returns
        -------
        Tree
            The tree.

        Raises
        ------
        TreeError
            When the name is none of these.

        Examples
        --------
        >>> Tree.parse("after-9").policies.leave_on_any_signal
        False
        """
        found = re.fullmatch(r"(\w+?|upto\(\d+\))((?:[+-](?:\d+|B\d'?))*)", text.replace(" ", ""), re.ASCII)
        base = cls._base(found[1]) if found is not None else None
        if found is None or base is None:
            raise TreeError(
                f"tree {text!r} is unknown: a tree is before, after, v5_7 or upto(N) with N from 0 to "
                f"{N_PATCHES}, or a later kernel ({', '.join(map(_release_name, RELEASES))}); patches and "
                "fixes may follow, as in after-9-10, before+13 or v5_7+B5."
            )
        patches, fixes = set(base.patches), set(base.fixes)
        for sign, change in re.findall(r"([+-])(\d+|B\d'?)", found[2]):
            _check_known({int(change) if change.isdigit() else change})
            chosen: set[Any] = patches if change.isdigit() else fixes
            (chosen.add if sign == "+" else chosen.discard)(int(change) if change.isdigit() else change)
        # Made in one go: a name such as after-16-12 must not fail on its way.
        return cls(frozenset(patches), frozenset(fixes), base.release)

    @classmethod
    def _base(cls, name: str) -> Tree | None:
        """Give the tree that a name without changes means."""
        number = re.fullmatch(r"upto\(?(\d+)\)?", name, re.ASCII)
        if number:
            return cls.upto(int(number[1]))
        releases = {_release_name(release): release for release in RELEASES}
        if name in releases:
            return cls.later(releases[name])
        return {"before": cls.before, "after": cls.after, "v5_7": cls.v5_7}.get(name)

    def __repr__(self) -> str:
        return f"Tree.parse({str(self)!r})"

    def __str__(self) -> str:
        ours = "".join(f"+{one}" for one in sorted(self.fixes - set(UPSTREAM)))
        gone = "".join(f"-{one}" for one in sorted(Tree.after.patches - self.patches))
        if self.release != SERIES_RELEASE:
            lost = "".join(f"-{one}" for one in sorted(set(UPSTREAM) - self.fixes))
            return _release_name(self.release) + gone + lost + ours
        if self.fixes >= set(UPSTREAM) and len(self.patches) >= N_PATCHES // 2:
            return "v5_7" + gone + ours
        last = max(self.patches, default=0)
        missing = sorted(frozenset(range(1, last)) - self.patches)
        if len(missing) <= len(self.patches):
            name = {0: "before", N_PATCHES: "after"}.get(last, f"upto{last}")
            name += "".join(f"-{one}" for one in missing)
        else:
            name = "before" + "".join(f"+{one}" for one in sorted(self.patches))
        return name + "".join(f"+{one}" for one in sorted(self.fixes))

    @property
    def policies(self) -> Policies:
        """The policies that the kernel's code asks for, on x86."""
        return self.policies_on(X86)

    def policies_on(self, arch: Arch) -> Policies:
        """Give the policies that the kernel's code asks for on an architecture.

        Parameters
        ----------
        arch : Arch
            A row of `pyemu.arches`: whose page-fault handler runs.

        Returns
        -------
        Policies
            The answers.

        Raises
        ------
        TreeError
            When this kernel no longer has the architecture.

        Examples
        --------
        >>> from pyemu.arches import arch_of
        >>> Tree.before.policies_on(arch_of("alpha")).sets_tried, Tree.before.policies.sets_tried
        (False, True)
        """
        if arch.gone_in is not None and self._since(*arch.gone_in):
            raise TreeError(
                f"Linux {self.release} has no {arch.name}: tree {self} does not run on it. Take an earlier "
                "tree, or another architecture."
            )
        patches, fixes = self.patches, self.fixes
        retries = arch.reaction is not Reaction.NONE or self._has(arch.retries_since)
        default = FaultFlag.ALLOW_RETRY | FaultFlag.KILLABLE
        helper = arch.patch is not None or self._has(arch.retries_since)
        killable_lock = (self.release == "6.1" or self._since(6, 4)) and not arch.plain_lock
        at_entry = self._since(5, 9) and arch.reaction is not Reaction.OPEN
        return Policies(
            leaves_late_retry=arch.leaves_late_retry and arch.patch not in patches,
            reads_area_after_fault=False,
            leave_on_any_signal=9 in patches and helper,
            nopage_after_signal=10 not in patches and not self._since(5, 9),
            default_flags=default | FaultFlag.INTERRUPTIBLE if 12 in patches else default,
            interruptible_in_kernel_mode="B5" not in fixes,
            interruptible_by_flag=12 in patches,
            killable_by_flag=16 in patches,
            retry_once=13 not in patches,
            drops_on_first_try_only=13 in patches,
            gup_retries_once=14 not in patches,
            gup_is_killable=15 in patches,
            gup_says_locked_too_early=15 in patches and "B1" not in fixes,
            gup_gives_zero_when_killed=14 in patches and "B2" not in fixes,
            gup_takes_lock_killable=self._since(6, 3),
            knows_foll_interruptible=self._since(6, 2),
            lookup_node_trusts_zero="B2'" not in fixes,
            lookup_node_is_fast=self._since(6, 0),
            fixup_ends_at_second_retry=14 in patches and "B3" not in fixes,
            fatal_is_eintr="B4" in fixes,
            gup_read_breaks_cow=not self._since(5, 9),
            account_in_handle_mm_fault=self._since(5, 9),
            pgfault_counts_faults=self._since(6, 4),
            userfault_sleeps_once=self._since(5, 9),
            retry_when_released=self._since(6, 12),
            knows_user_mode_only=self._since(5, 11),
            read_wait_is_killable=self._since(5, 15),
            cow_counts_references=self._since(5, 9),
            cow_frees_swap=self._since(6, 0),
            swapin_maps_writable=self._since(6, 12),
            swapin_needs_mmap_lock=self._since(6, 4) and not self._since(6, 8),
            khugepaged_gives_up=self._since(6, 0),
            dirty_wait_completes=self._since(6, 0),
            mprotect_maps_writable=self._since(6, 0),
            copy_tries_rest_again=not self._since(6, 4),
            read_zero_gives_up_rest=self._since(5, 10),
            write_needs_whole_prefault=not self._since(6, 0),
            write_copies_first=self._since(6, 18),
            vma_lock_anonymous_only=not self._since(6, 6),
            vma_lock_marks_tried=self._since(6, 8),
            vma_lock_ends_bad_access=self._since(6, 12),
            fault_lock_is_killable=killable_lock,
            vma_lock_first=self._has(arch.vma_lock),
            arch=arch,
            waits_with_table=arch.trylock or killable_lock,
            repeats_when_killed=arch.repeats and not self._has(arch.repaired),
            allows_retry=retries,
            sets_tried=arch.sets_tried or 13 in patches,
            swallows_errors_when_killed=arch.early_release and 8 not in patches,
            releases_twice=arch.early_release and 8 in patches and "B6" not in fixes,
            oom_keeps_lock=arch.oom_keeps_lock and not retries,
            page_faults=PageFaults.ENTRY if at_entry else arch.page_faults,
            guest_nowait=arch.nowait and not self._since(6, 12),
            gup_stops_after_hugetlb=2 in patches,
            gup_walks_hugetlb=not self._since(6, 6),
            hugetlb_takes_i_mmap=fixes >= set(UPSTREAM) and not self._since(6, 1),
            hugetlb_takes_locks_again=not self._since(6, 0),
            minor_faults=self._since(5, 13),
            minor_faults_of_shmem=self._since(5, 14),
            hugetlb_walk_keeps_count=False,
            hugetlb_walk_says_dropped=False,
        )

    def _since(self, major: int, minor: int) -> bool:
        """Say whether the release is this one or a later one."""
        return tuple(map(int, self.release.split("."))) >= (major, minor)

    def _has(self, release: tuple[int, int] | None) -> bool:
        """Say whether a change of a release, if there was one, is in."""
        return release is not None and self._since(*release)


def _release_name(release: str) -> str:
    """Give the name of a later kernel's tree."""
    return "v" + release.replace(".", "_")


def _check_known(changes: Iterable[int | str]) -> None:
    """Refuse a number that is no patch, a name that is no fix."""
    for one in sorted(changes, key=str):
        if isinstance(one, int) and not 1 <= one <= N_PATCHES:
            raise TreeError(f"patch {one} does not exist: the series has patches 1 to {N_PATCHES}.")
        if isinstance(one, str) and one not in FIXES:
            raise TreeError(f"fix {one!r} does not exist: known fixes are {', '.join(FIXES)}.")


def _split(changes: Changes) -> tuple[frozenset[int], frozenset[str]]:
    """Tell patches from fixes."""
    every = {changes} if isinstance(changes, int | str) else set(changes)
    _check_known(every)
    return (
        frozenset(one for one in every if isinstance(one, int)),
        frozenset(one for one in every if isinstance(one, str)),
    )


Tree.before = Tree.upto(0)
Tree.after = Tree.upto(N_PATCHES)
Tree.v5_7 = Tree(Tree.after.patches, frozenset(UPSTREAM))
