"""A run as lines, and a learner's mode for each."""

from __future__ import annotations

import pytest

from course.memory import modes, own_modes, touch
from pyemu.errors import FaultlabError

TWO = touch("read 0x5010", "syscall write 0x6000").result
RIGHT = "UKKKKUUUKKKKKKKKKKU"


def test_the_lines_are_numbered_and_say_no_mode(capsys: pytest.CaptureFixture[str]) -> None:
    modes(TWO)
    lines = capsys.readouterr().out.splitlines()
    assert [int(line.split()[0]) for line in lines] == [*range(1, len(RIGHT) + 1)]
    assert lines[0] == " 1  reads 0x5010"
    assert lines[-1] == "19  goes on where it was interrupted"


def test_the_right_letters_name_the_doors(capsys: pytest.CaptureFixture[str]) -> None:
    own_modes(TWO, RIGHT.lower())
    assert capsys.readouterr().out == (
        "All 19 are right. The kernel is entered at line 2, 9, and left at line 6, 19.\n"
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (1, "This is an instruction of the program itself"),
        (2, "enters the kernel by a page fault"),
        (3, "Only kernel code can do this"),
        (6, "The kernel's work is done"),
        (9, "A system call enters the kernel"),
        (10, "the instruction is the kernel's"),
        (11, "It was in the kernel before"),
        (15, "It goes back to where it came from"),
    ],
)
def test_a_wrong_letter_hears_why(line: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    other = "K" if RIGHT[line - 1] == "U" else "U"
    own_modes(TWO, RIGHT[: line - 1] + other + RIGHT[line:])
    out = " ".join(capsys.readouterr().out.split())
    assert said in out
    assert "18 of 19 lines are right, 0 still open" in out


@pytest.mark.parametrize("letters", ["UK", "X" * 19])
def test_there_is_a_known_letter_for_each_line(letters: str) -> None:
    with pytest.raises(FaultlabError, match="must be 19 letters"):
        own_modes(TWO, letters)
