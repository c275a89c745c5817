"""Trees: which of the sixteen patches are applied, as named policies.

A `Tree` is a set of patch numbers of "mm: Page fault enhancements" v6 (merged for Linux v5.7). Kernel code never
asks for a number: it asks for a policy (`Policies`), and this module says which patch gives which.

In this version the patches with an effect on a user-mode fault served by userfaultfd are switches: 9, 10, 12, 13
and 16. The others (renames, refactors, GUP) may be named and change nothing here yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from pyemu.errors import TreeError
from pyemu.flags import FaultFlag

N_PATCHES = 16
FIXES = ("B1", "B2", "B2'", "B3", "B4")


@dataclass(frozen=True, slots=True)
class Policies:
    """What the kernel's code asks a tree.

    Attributes
    ----------
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
        wrong = sorted(n for n in self.patches if n not in range(1, N_PATCHES + 1))
        if wrong:
            raise TreeError(f"patch {wrong[0]} does not exist: the series has patches 1 to {N_PATCHES}.")
        unknown = sorted(self.fixes - set(FIXES))
        if unknown:
            raise TreeError(f"fix {unknown[0]!r} does not exist: known fixes are {', '.join(FIXES)}.")
        if 16 in self.patches and 12 not in self.patches:
            raise TreeError(
                "patch 16 without patch 12 has no meaning: 16 chooses the sleep by FAULT_FLAG_INTERRUPTIBLE, and it "
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

    def __sub__(self, patches: int | Iterable[int]) -> Tree:
        """Give this tree without some patches."""
        gone = {patches} if isinstance(patches, int) else set(patches)
        return Tree(self.patches - gone, self.fixes)

    def __add__(self, patches: int | Iterable[int]) -> Tree:
        """Give this tree with some patches more."""
        more = {patches} if isinstance(patches, int) else set(patches)
        return Tree(self.patches | more, self.fixes)

    def __contains__(self, patch: int) -> bool:
        return patch in self.patches

    @classmethod
    def parse(cls, text: str) -> Tree:
        """Read a tree's name, as `str` writes it.

        Parameters
        ----------
        text : str
            ``before``, ``after``, ``v5_7``, ``upto(9)`` or ``upto9``, each with patches taken out (``after-9-10``)
            or put in (``before+13``).

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
        found = re.fullmatch(r"(before|after|v5_7|upto\(?(\d+)\)?)((?:[+-]\d+)*)", text.replace(" ", ""))
        if found is None:
            raise TreeError(
                f"tree {text!r} is unknown: a tree is before, after, v5_7 or upto(N) with N from 0 to {N_PATCHES}, "
                "and patches may follow, as in after-9-10 or before+13."
            )
        name, number, changes = found.groups()
        tree = (
            cls.upto(int(number))
            if number is not None
            else {"before": cls.before, "after": cls.after}.get(name, cls.v5_7)
        )
        patches = set(tree.patches)
        for sign, patch in re.findall(r"([+-])(\d+)", changes):
            (patches.add if sign == "+" else patches.discard)(int(patch))
        return cls(frozenset(patches), tree.fixes)

    def __str__(self) -> str:
        if not self.fixes and self.patches == frozenset(range(1, len(self.patches) + 1)):
            return {0: "before", N_PATCHES: "after"}.get(len(self.patches), f"upto({len(self.patches)})")
        base, name = (Tree.v5_7, "v5_7") if self.fixes else (Tree.after, "after")
        if len(self.patches) >= N_PATCHES // 2:
            return name + "".join(f"-{n}" for n in sorted(base.patches - self.patches))
        return "before" + "".join(f"+{n}" for n in sorted(self.patches))

    @property
    def policies(self) -> Policies:
        """The policies that the kernel's code asks for."""
        default = FaultFlag.ALLOW_RETRY | FaultFlag.KILLABLE
        return Policies(
            leave_on_any_signal=9 in self.patches,
            nopage_after_signal=10 not in self.patches,
            default_flags=default | FaultFlag.INTERRUPTIBLE if 12 in self.patches else default,
            interruptible_by_flag=12 in self.patches,
            killable_by_flag=16 in self.patches,
            retry_once=13 not in self.patches,
        )


Tree.before = Tree.upto(0)
Tree.after = Tree.upto(N_PATCHES)
Tree.v5_7 = Tree(Tree.after.patches, frozenset(FIXES))
