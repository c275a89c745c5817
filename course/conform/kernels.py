"""Kernel labels: which tree stands for a recorded kernel, and on which machine it ran.

A label is matched by its first two numbers: 5.4 means 5.4.59 as well as any other 5.4. A kernel that has no
tree of its own gets the nearest one, and everything that is said about it says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pyemu.errors import RecordError
from pyemu.tree import RELEASES, Tree

Series = tuple[int, int]

# The last version before the numbering went on with the next major one: 4.20 is followed by 5.0.
LAST_MINOR = {2: 6, 3: 19, 4: 20, 5: 19, 6: 19}
# Recorded on a machine with one CPU; the others had two.
ONE_CPU = {(6, 12), (7, 2)}
# Before, userfaultfd(2) refuses UFFD_USER_MODE_ONLY with EINVAL [fact:uffd-user-mode-only].
USER_MODE_ONLY_CAME = (5, 11)


class NotModelled(RecordError):
    """Something that was recorded and that this version of the emulator has no model of.

    Parameters
    ----------
    reason : str
        What isn't modelled, and what is.
    instead : str
        What to ask for instead; the text of the error is both.
    """

    def __init__(self, reason: str, instead: str = "") -> None:
        super().__init__(f"{reason} {instead}".strip())
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Computer:
    """The machine on which a kernel was recorded.

    Attributes
    ----------
    n_cpus : int
        How many CPUs it had.
    preemption : bool
        May a task that runs in the kernel be interrupted for another one?
    """

    n_cpus: int = 2
    preemption: bool = False

    def as_table(self) -> dict[str, int | bool]:
        """Give it as a scenario's ``[machine]``."""
        return {"n_cpus": self.n_cpus, "preemption": self.preemption}


TWO_CPUS = Computer()


@dataclass(frozen=True, slots=True)
class Kernel:
    """What stands for a recorded kernel.

    Attributes
    ----------
    label : str
        The kernel's version.
    tree : Tree
        The code that runs for it.
    nearest : bool
        It has no tree of its own; this is the nearest one.
    computer : Computer
        The machine that it ran on.
    """

    label: str
    tree: Tree
    nearest: bool = False
    computer: Computer = TWO_CPUS

    @property
    def emulated(self) -> str:
        """The tree's name, and that it is only the nearest one."""
        return f"{self.tree} (nearest)" if self.nearest else str(self.tree)

    @property
    def knows_user_mode_only(self) -> bool:
        """Say whether userfaultfd(2) of this kernel takes UFFD_USER_MODE_ONLY."""
        return series(self.label) >= USER_MODE_ONLY_CAME


def series(label: str) -> Series:
    """Give the first two numbers of a kernel's label.

    Parameters
    ----------
    label : str
        Such as ``5.7`` or ``5.7.14``.

    Returns
    -------
    (int, int)
        For example ``(5, 7)``.

    Raises
    ------
    RecordError
        When it isn't two or more numbers with points between them.
    """
    found = re.fullmatch(r"(\d{1,4})\.(\d{1,4})(\.\d+)*", label, re.ASCII)
    if found is None:
        raise RecordError(
            f"kernel {label!r} is no version: it must be numbers with points between them. "
            "Write it as 5.7 or 5.7.14."
        )
    return int(found[1]), int(found[2])


# Kernels with a tree of their own. 5.4 to 5.6 are older than the series; 5.7.14 has it with its first fixes.
TREES: dict[Series, Tree] = {
    (5, 4): Tree.before,
    (5, 5): Tree.before,
    (5, 6): Tree.before,
    (5, 7): Tree.v5_7,
    **{series(release): Tree.later(release) for release in RELEASES},
}


def kernel_of(label: str) -> Kernel:
    """Give what stands for a kernel: its own tree, or that of the kernel with the fewest versions between.

    Parameters
    ----------
    label : str
        The kernel's version.

    Returns
    -------
    Kernel
        Tree and machine.

    Raises
    ------
    RecordError
        When the label is no version.

    Examples
    --------
    >>> kernel_of("5.4.59").emulated, kernel_of("5.7").emulated, kernel_of("6.17.1").emulated
    ('before', 'v5_7', 'v6_18 (nearest)')
    """
    wanted = series(label)
    computer = Computer(n_cpus=1 if wanted in ONE_CPU else 2)
    if wanted in TREES:
        return Kernel(label, TREES[wanted], False, computer)
    asked = place(wanted)
    # Of two that are equally near, the older one: what it has, the asked kernel has as well.
    nearest = min(TREES, key=lambda one: (abs(place(one) - asked), place(one)))
    return Kernel(label, TREES[nearest], True, computer)


def place(version: Series) -> int:
    """Number the versions in order of their release: 5.19 and 6.0 are neighbours."""
    major, minor = version
    return minor + sum(LAST_MINOR.get(one, LAST_MINOR[6]) + 1 for one in range(2, major))
