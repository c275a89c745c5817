"""The rules that are asserted while a machine runs: what each means, and how to mend what breaks it.

A broken rule is an event `violation` of the trace, and an entry in the result. Its text says what happened;
the sentence that follows is the one of this table. The run goes on, as a kernel would.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes
    ----------
    means : str
        What goes wrong where it is broken.
    mend : str
        How to mend the code that breaks it.
    """

    means: str
    mend: str


RULES: dict[str, Rule] = {
    # ------------------------------------------------------------------------------ the fault path
    "I1": Rule(
        "RETRY says that the callee dropped mmap_sem, and everything else that it is still held. Where the "
        "two disagree, it is released twice, or never.",
        "Drop mmap_sem before you give RETRY (unless RETRY_NOWAIT), and keep it with any other result.",
    ),
    "I2": Rule(
        "Only a caller that allowed it gets RETRY: another one can't cope with a lock that is gone.",
        "Ask for ALLOW_RETRY in the flags before you drop mmap_sem; a task that is being killed is excepted.",
    ),
    "I3": Rule(
        "Every RETRY first waited for what the fault needs. One that didn't wait turns the retry into a busy "
        "loop.",
        "Let only what the fault waits for end its sleep, or leave the fault for the signal that ended it.",
    ),
    "I4": Rule(
        "RETRY and an error never come together: the caller would retry, or report, but not both.",
        "Give the error alone, with mmap_sem held.",
    ),
    "I5": Rule(
        "Every attempt after the first carries TRIED. Without it each one looks like the first, and drops "
        "the lock to wait for a page, for ever.",
        "Set TRIED in the flags before you try again.",
    ),
    "I6": Rule(
        "From the second attempt on a page lock is waited for with mmap_sem held, so that two attempts are "
        "enough; only a userfaultfd may ask for more.",
        "Drop mmap_sem for a page only if ALLOW_RETRY is set and TRIED is not.",
    ),
    # ------------------------------------------------------------------------------ locks
    "bad unlock balance": Rule(
        "A lock is released by a task that doesn't hold it: a writer may get in beside a reader.",
        "Follow every path from the lock to its release; after RETRY the callee has released it already.",
    ),
    "recursive lock": Rule(
        "A task takes a lock that it holds. With a writer queued in between it waits for itself.",
        "Take the lock once, and let the functions that you call rely on it.",
    ),
    "lock order": Rule(
        "Locks are taken in one order: mmap_sem, the lock of a file's mappings, the mutex of a huge fault, "
        "the page lock, the lock of a page table. Two tasks that take two of them the other way round wait "
        "for each other.",
        "Take the outer lock first, or release the inner one before.",
    ),
    "mmap_sem held on return": Rule(
        "A task takes mmap_sem along to user mode: nobody can change its memory any more.",
        "Release it on every path that returns, signals and errors included.",
    ),
    "mmap_sem held on exit": Rule(
        "A task ends and holds mmap_sem: nobody will ever release it.",
        "Release it on every path that returns, signals and errors included.",
    ),
    "file lock held on return": Rule(
        "A task takes the lock of a file, of its mappings or of a huge fault along to user mode: who needs "
        "it waits for ever.",
        "Release it on every path that returns; a callee that drops mmap_sem releases it first.",
    ),
    "file lock held on exit": Rule(
        "A task ends and holds the lock of a file, of its mappings or of a huge fault: who needs it "
        "waits for ever.",
        "Release it on every path that returns; a callee that drops mmap_sem releases it first.",
    ),
    "page lock held on return": Rule(
        "A task takes a page lock along to user mode: who needs the page waits for ever.",
        "Unlock the page on every path that returns.",
    ),
    "page lock held on exit": Rule(
        "A task ends and holds a page lock: who needs the page waits for ever.",
        "Unlock the page on every path that returns.",
    ),
    "spinlock held on return": Rule(
        "A task takes a spinlock along to user mode: who needs it burns its CPU for ever.",
        "Unlock it on every path that returns.",
    ),
    "spinlock held on exit": Rule(
        "A task ends and holds a spinlock: who needs it burns its CPU for ever.",
        "Unlock it on every path that returns.",
    ),
    "page unlock without lock": Rule(
        "A page is unlocked that nobody has locked: two tasks may think that it is theirs.",
        "Unlock only what you have locked, once.",
    ),
    "sleeping with a spinlock": Rule(
        "A task that holds a spinlock may not sleep: who needs the lock burns its CPU until the sleeper is "
        "back, and the sleeper may need that CPU.",
        "Release the spinlock before anything that may sleep, and look again afterwards: things may have "
        "changed.",
    ),
    # ------------------------------------------------------------------------------ areas
    "vma without mmap_sem": Rule(
        "Areas are looked at without mmap_sem: another thread may change or free them at that moment.",
        "Take mmap_sem first, or read what you need before you release it.",
    ),
    "stale vma": Rule(
        "An area is used that was found in an earlier hold of mmap_sem: it may be gone by now.",
        "Look the area up again after each drop of the lock.",
    ),
    "use after free": Rule(
        "An area, or the lock of a file, is used that was freed meanwhile: whatever stands in that "
        "memory now is taken for it.",
        "Look the area up again after each drop of the lock.",
    ),
    "dangling vma": Rule(
        "A fault let go of mmap_sem, took it again and says nothing of it. The area that the caller of "
        "handle_mm_fault still holds was freed meanwhile: one look at it is a use after free.",
        "Say RETRY once the lock was dropped: then the caller looks the area up again.",
    ),
    # ------------------------------------------------------------------------------ sleeping, signals
    "SIGKILL waits": Rule(
        "A task that is being killed sleeps on, until somebody else or the time ends its wait: it can't be "
        "got rid of meanwhile.",
        "Let SIGKILL end every wait that may last: sleep killably, and leave when the sleep says so.",
    ),
    "lost wake-up": Rule(
        "A task goes to sleep for something that has happened already: the wake came before the task stood "
        "in the queue, and there will be no other.",
        "Queue first, then look whether there is still something to wait for, then sleep.",
    ),
    "lost signal": Rule(
        "A signal was sent, and its handler never ran.",
        "Leave signals where they are; they are delivered on the way to user mode.",
    ),
    # ------------------------------------------------------------------------------ memory
    "oops": Rule(
        "Kernel code touched user memory outside the instructions that the exception table knows, and nobody "
        "can tell how to go on there.",
        "Touch user memory only through copy_from_user and its kin.",
    ),
    "BUG_ON": Rule(
        "The kernel found something that must never be, and stops the task: to go on would do harm.",
        "Find out who broke the promise that is asserted here; the assertion only tells of it.",
    ),
    "page never got": Rule(
        "A page is used that get_user_pages didn't give: 0 pages and no error are no success.",
        "Ask how many pages came, and treat 0 as a failure.",
    ),
}


def explained(rule: str, text: str) -> str:
    """Give what happened, and how to mend it.

    Parameters
    ----------
    rule : str
        Name of the rule.
    text : str
        What happened, in a sentence.

    Returns
    -------
    str
        Both.
    """
    known = RULES.get(rule)
    return f"{text} {known.mend}" if known is not None else text
