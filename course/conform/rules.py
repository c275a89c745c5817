"""The rules for records of the kinds ``sequence``, ``slow_file`` and ``script``.

Of a sequence, counters and si_code are compared exactly, and the words of `pte` that have a meaning here. Of
a fault on the slow disk, everything is exact but the minor counters: one more is allowed where a handler ran.
Of a script, everything is exact, the whole trace included; where the real task went round in circles, its
trace up to the first repetition, and that the emulator reports a spin.
"""

from __future__ import annotations

from collections.abc import Mapping

from course.conform.comparison import (
    COUNTERS,
    KILLED,
    MAJOR,
    MINOR,
    VICTIM_KILLED,
    Comparison,
)
from course.conform.kernels import series
from course.conform.records import Record, Value
from course.conform.sequence import PTE_WORDS, THP

Fields = Mapping[str, Value]

# Steps of sequences that aren't compared, or not in every field.
READAHEAD = (
    ("file_ro_shared", "read all 64 pages (readahead+faultaround)"),
    "readahead races with the reads",
)
SEGV_IN_6 = (("mprotect_ro", "write -> SIGSEGV"), "6.x has one minor fault more here at times, unexplained")

SCRIPT_EXACT = ("outcome", "handler_runs", "handler_before_resolve", "exceptions", "sleeps")
SCRIPT_COUNTS = ("attempts", "acquisitions", "messages")
BUSY_COUNTS = "in a busy loop the number of rounds is chance"
BUSY_STATES = "in a busy loop the states are running or sleeping by chance"


def compare_sequence(record: Record, got: Fields | None) -> Comparison:
    """Compare a step of a sequence.

    Parameters
    ----------
    record : Record
        What the real kernel did.
    got : mapping, optional
        What the emulator predicts; None for a step that is not compared at all.

    Returns
    -------
    Comparison
        Every field is compared, or named.
    """
    found = Comparison()
    real = record.values
    place = (str(real["case"]), str(real["step"]))
    whole = not_compared_step(record)
    if whole or got is None:
        found.leave_out((*COUNTERS, "pte"), whole)
    else:
        for name in COUNTERS:
            if place == SEGV_IN_6[0] and series(record.kernel)[0] == 6 and name in MINOR:
                found.leave_out([name], SEGV_IN_6[1])
            else:
                found.exactly(name, real[name], got[name])
        found.exactly("pte", words(str(real["pte"])), words(str(got["pte"])))
        found.exactly("si_code", real.get("si_code", "none"), got.get("si_code", "none"))
    found.name_the_rest(record, *([] if whole else ["si_code"]))
    return found


def not_compared_step(record: Record) -> str:
    """Say why a step of a sequence is not compared at all; empty when it is."""
    place = (str(record.values["case"]), str(record.values["step"]))
    if place in THP[1]:
        return THP[0]
    return READAHEAD[1] if place == READAHEAD[0] else ""


def words(pte: str) -> str:
    """Give the words of a record's `pte` that are compared, in one order."""
    held = pte.replace("|", " ").split()
    return " ".join(word for word in PTE_WORDS if word in held)


def compare_slow(record: Record, got: Fields) -> Comparison:
    """Compare a fault on the slow disk.

    Parameters
    ----------
    record : Record
        What the real kernel did.
    got : mapping
        What the emulator predicts.

    Returns
    -------
    Comparison
        Every field is compared, or named.
    """
    found = Comparison()
    real = record.values
    for name in ("outcome", "state_blocked", "handler_runs"):
        found.exactly(name, real[name], got[name])
    if real["outcome"] == KILLED:
        found.leave_out(COUNTERS, VICTIM_KILLED)
    else:
        for name in MAJOR:
            found.exactly(name, real[name], got[name])
        for name in MINOR:
            expected, mine = int(real[name]), int(got[name])
            frame = (
                int(real["handler_runs"]) > 0 and expected > mine
            )  # a signal frame costs, and saves nothing
            found.number(name, expected, mine, allowed=frame)
    found.name_the_rest(record)
    return found


def compare_script(record: Record, got: Fields) -> Comparison:
    """Compare a script on a kernel with single patches.

    Parameters
    ----------
    record : Record
        What the real kernel did.
    got : mapping
        What the emulator predicts.

    Returns
    -------
    Comparison
        Every field is compared, or named.
    """
    found = Comparison()
    real = record.values
    for name in (*SCRIPT_EXACT, "spin"):
        found.exactly(name, real[name], got[name])
    if real["spin"]:
        found.leave_out(SCRIPT_COUNTS, BUSY_COUNTS)
        found.leave_out(["states"], BUSY_STATES)
        beginning = up_to_repetition(str(real["trace"]))
        found.exactly("trace", beginning, " ".join(str(got["trace"]).split()[: len(beginning.split())]))
    else:
        for name in (*SCRIPT_COUNTS, "states", "trace"):
            found.exactly(name, real[name], got[name])
    if str(real["outcome"]).startswith(("killed", "HUNG")):
        found.leave_out(("minflt", "majflt"), VICTIM_KILLED)
    else:
        for name in ("minflt", "majflt"):
            found.exactly(name, real[name], got[name])
    found.name_the_rest(record)
    return found


def up_to_repetition(trace: str) -> str:
    """Give the beginning of a spin's trace: up to the end of the first round that repeats the one before.

    A round without a sleep; rounds with one are no spin.
    """
    held = trace.split()
    for end in range(2, len(held) + 1):
        for length in range(1, end // 2 + 1):
            round_ = held[end - length : end]
            if round_ == held[end - 2 * length : end - length] and _turns(round_):
                return " ".join(held[:end])
    return trace


def _turns(words: list[str]) -> bool:
    """Say whether words are a round of a spin: an attempt, and no sleep."""
    return any(word[0] == "h" for word in words) and not any(word[0] == "S" for word in words)
