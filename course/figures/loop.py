"""``retry_loop``: the loop around handle_mm_fault of a user-mode fault, as a tree lets it go round."""

from __future__ import annotations

from course.figures.drawing import Drawing, Figure
from pyemu.errors import FaultlabError
from pyemu.tree import Tree

__all__ = ["retry_loop"]

LEFT, WIDE, HIGH, GAP = 20, 150, 44, 40  # of a box, in pixels
BLOCK = 200
STEPS = (
    ("find vma", "take mmap_sem"),
    ("try", "handle_mm_fault"),
    ("decide", "RETRY?"),
    ("done", "release mmap_sem"),
)


def retry_loop(*trees: Tree) -> Figure:
    """Draw the loop of each tree.

    Parameters
    ----------
    *trees : Tree
        Kernels of the series, or later ones.

    Returns
    -------
    Figure
        The boxes of one round, the way back with what it changes, and the ways out.

    Raises
    ------
    FaultlabError
        There is no tree.

    References
    ----------
    Linux v5.6 and v5.7, arch/x86/mm/fault.c, do_user_addr_fault [fact:x86-retry-5-6] [fact:p13-multi-retry].

    Examples
    --------
    >>> print(retry_loop(Tree.before, Tree.after))
    Figure: The loop of a fault in user mode: tree before and tree after
    - Each round: find vma (take mmap_sem), try (handle_mm_fault), decide (RETRY?). Without RETRY:
      done, and mmap_sem is released.
    - Tree before: RETRY is followed once. ALLOW_RETRY is cleared and TRIED is set, so the second
      attempt is the last one.
    - Tree before: SIGKILL alone leaves the loop.
    - Tree after: RETRY is followed as often as it comes. TRIED is set and ALLOW_RETRY stays.
    - Tree after: any signal leaves the loop.
    """
    if not trees:
        raise FaultlabError("retry_loop() got no tree; give it one or more, as in retry_loop(Tree.before).")
    drawing = Drawing(2 * LEFT + 4 * WIDE + 3 * GAP, BLOCK * len(trees))
    round_ = ", ".join(f"{name} ({what})" for name, what in STEPS[:3])
    says = [f"Each round: {round_}. Without RETRY: done, and mmap_sem is released."]
    for nth, tree in enumerate(trees):
        says += _block(drawing, BLOCK * nth, tree)
    named = " and ".join(f"tree {tree}" for tree in trees)
    return drawing.figure(f"The loop of a fault in user mode: {named}", says)


def _x(nth: int) -> int:
    return LEFT + nth * (WIDE + GAP)


def _block(drawing: Drawing, top: int, tree: Tree) -> list[str]:
    once, any_signal = tree.policies.retry_once, tree.policies.leave_on_any_signal
    middle = top + 90
    drawing.words(LEFT, top + 24, f"tree {tree}", "bold")
    for nth, (name, what) in enumerate(STEPS):
        drawing.box(_x(nth), middle - HIGH // 2, WIDE, HIGH, "strong" if nth == 1 else "line")
        drawing.words(_x(nth) + WIDE // 2, middle - 4, name, "bold", "middle")
        drawing.words(_x(nth) + WIDE // 2, middle + 13, what, "small", "middle")
        if nth:
            drawing.path((_x(nth) - GAP, middle), (_x(nth), middle))
    drawing.words(_x(3) - GAP // 2, middle - 8, "no", "small", "middle", back=True)
    low, decide = middle + 70, _x(2) + WIDE // 2
    start = _x(0) + WIDE // 2
    drawing.path(
        (decide, middle + HIGH // 2), (decide, low), (start, low), (start, middle + HIGH // 2),
        style="dashed" if once else "edge",
    )  # fmt: skip
    how = "once" if once else "as often as it comes"
    flags = "clear ALLOW_RETRY, set TRIED" if once else "set TRIED, keep ALLOW_RETRY"
    drawing.words((start + decide) // 2, low - 8, f"RETRY, {how}:", "bold", "middle")
    drawing.words((start + decide) // 2, low + 18, flags, "code", "middle")
    signal = "any signal" if any_signal else "SIGKILL"
    drawing.path((decide, low), (_x(3), low))
    drawing.words(_x(3) + 8, low - 2, f"{signal}: leave,", "bold")
    drawing.words(_x(3) + 8, low + 15, "mmap_sem is not held", "small")
    named = f"Tree {tree}"
    return [
        f"{named}: RETRY is followed once. ALLOW_RETRY is cleared and TRIED is set, so the second attempt is "
        "the last one."
        if once
        else f"{named}: RETRY is followed as often as it comes. TRIED is set and ALLOW_RETRY stays.",
        f"{named}: {'any signal' if any_signal else 'SIGKILL alone'} leaves the loop.",
    ]
