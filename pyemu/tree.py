"""Trees: which of the sixteen patches are applied, as named policies.

A `Tree` is a set of patch numbers of "mm: Page fault enhancements" v6 (merged for Linux v5.7). Kernel code
never asks for a number: it asks for a policy (`Policies`), and this module says which patch gives which.

In this version the patches with an effect on a user-mode fault served by userfaultfd are switches: 9, 10, 12,
13 and 16. The others (renames, refactors, GUP) may be named and change nothing here yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from pyemu.errors import TreeError
from pyemu.flags import FaultFlag

N_PATCHES = 16
FIXES = ("B1", "B2", "B2'", "B3", "B4")

Changes = int | str | Iterable[int | str]  # patches by number, fixes by name


@dataclass(frozen=True, slots=True)
class Policies:
    """What the kernel's code asks a tree.

    Attributes
    ----------
    leaves_late_retry : bool
        A RETRY that was not allowed ends the fault, and the access faults again (before patch 4). No callee
        of the kernel gives one: a faulty callee shows the difference.
    leave_on_any_signal : bool
        After RETRY, a user-mode fault leaves for any signal (patch 9), not only for SIGKILL.
    nopage_after_signal : bool
        handle_userfault takes the lock again and emulates NOPAGE after a non-fatal signal (before patch 10).
    default_flags : FaultFlag
        What an architecture's fault handler starts with: 0x14, from patch 12 on 0x214.
    interruptible_by_flag : bool
        The userfaultfd sleep looks at FAULT_FLAG_INTERRUPTIBLE (patch 12), not at USER and KILLABLE.
    killable_by_flag : bool
        Without FAULT_FLAG_KILLABLE the userfaultfd sleep is deaf to SIGKILL (patch 16).
    retry_once : bool
        The second attempt may not retry: ALLOW_RETRY is cleared after the first (before patch 13).
    """

    leaves_late_retry: bool
    leave_on_any_signal: bool
    nopage_after_signal: bool
    default_flags: FaultFlag
    interruptible_by_flag: bool
    killable_by_flag: bool
    retry_once: bool


@dataclass(frozen=True, slots=True)
class Tree:
    """The code that runs: a set of applied patches and of later fixes.

    Attributes
    ----------
    patches : frozenset of int
        Applied patches, 1 to 16.
    fixes : frozenset of str
        Follow-up fixes (``B1`` ...) that came after the merge.

    Raises
    ------
    TreeError
        For a number that is no patch, and for a set in which a patch misses its premise.

    Examples
    --------
    >>> str(Tree.upto(9)), str(Tree.after - 9), str(Tree.v5_7)
    ('upto(9)', 'after-9', 'v5_7')
    """

    patches: frozenset[int]
    fixes: frozenset[str] = frozenset()

    before: ClassVar[Tree]
    after: ClassVar[Tree]
    v5_7: ClassVar[Tree]

    def __post_init__(self) -> None:
        _check_known(self.patches | self.fixes)
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
        return Tree(self.patches - patches, self.fixes - fixes)

    def __add__(self, changes: Changes) -> Tree:
        """Give this tree with some patches or fixes more."""
        patches, fixes = _split(changes)
        return Tree(self.patches | patches, self.fixes | fixes)

    def __contains__(self, patch: int) -> bool:
        return patch in self.patches

    @classmethod
    def parse(cls, text: str) -> Tree:
        """Read a tree's name, as `str` writes it.

        Parameters
        ----------
        text : str
            ``before``, ``after``, ``v5_7``, ``upto(9)`` or ``upto9``, each with patches taken out
            (``after-9-10``) or put in (``before+13``).

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
        found = re.fullmatch(
            r"(before|after|v5_7|upto(\d+)|upto\((\d+)\))((?:[+-](?:\d+|B\d'?))*)", text.replace(" ", "")
        )
        if found is None:
            raise TreeError(
                f"tree {text!r} is unknown: a tree is before, after, v5_7 or upto(N) with N from 0 to "
                f"{N_PATCHES}, "
                "and patches may follow, as in after-9-10 or before+13."
            )
        name, bare, bracketed, changes = found.groups()
        number = bare or bracketed
        tree = (
            cls.upto(int(number))
            if number
            else {"before": cls.before, "after": cls.after}.get(name, cls.v5_7)
        )
        patches, fixes = set(tree.patches), set(tree.fixes)
        for sign, change in re.findall(r"([+-])(\d+|B\d'?)", changes):
            _check_known({int(change) if change.isdigit() else change})
            chosen: set[Any] = patches if change.isdigit() else fixes
            (chosen.add if sign == "+" else chosen.discard)(int(change) if change.isdigit() else change)
        # Made in one go: a name such as after-16-12 must not fail on its way.
        return cls(frozenset(patches), frozenset(fixes))

    def __str__(self) -> str:
        if self.fixes == frozenset(FIXES) and len(self.patches) >= N_PATCHES // 2:
            return "v5_7" + "".join(f"-{one}" for one in sorted(Tree.after.patches - self.patches))
        last = max(self.patches, default=0)
        missing = sorted(frozenset(range(1, last)) - self.patches)
        if len(missing) <= len(self.patches):
            name = {0: "before", N_PATCHES: "after"}.get(last, f"upto({last})")
            name += "".join(f"-{one}" for one in missing)
        else:
            name = "before" + "".join(f"+{one}" for one in sorted(self.patches))
        return name + "".join(f"+{one}" for one in sorted(self.fixes))

    @property
    def policies(self) -> Policies:
        """The policies that the kernel's code asks for."""
        default = FaultFlag.ALLOW_RETRY | FaultFlag.KILLABLE
        return Policies(
            leaves_late_retry=4 not in self.patches,
            leave_on_any_signal=9 in self.patches,
            nopage_after_signal=10 not in self.patches,
            default_flags=default | FaultFlag.INTERRUPTIBLE if 12 in self.patches else default,
            interruptible_by_flag=12 in self.patches,
            killable_by_flag=16 in self.patches,
            retry_once=13 not in self.patches,
        )


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
Tree.v5_7 = Tree(Tree.after.patches, frozenset(FIXES))
