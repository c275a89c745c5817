"""What every step of a program uses: making a system call and telling its outcome."""

from __future__ import annotations

from typing import Any

import pytest

from pyemu.effects import Effect
from pyemu.effects.records import Regs
from pyemu.flags import EFAULT, EINTR, ERESTARTSYS
from pyemu.program.perform import system_call

CALLS = [
    # results of the call, and what the way back to user mode says after each
    ([(4096, "")], "ret=4096"),
    ([(0, "")], "ret=0"),
    ([(-EFAULT, "")], "EFAULT"),
    ([(-ERESTARTSYS, "EINTR")], "EINTR"),
    ([(-ERESTARTSYS, "restart"), (-ERESTARTSYS, "restart"), (7, "")], "ret=7"),
    ([(-EINTR, "SIGBUS(code=2)")], "SIGBUS(code=2)"),
]


@pytest.mark.parametrize(("rounds", "outcome"), CALLS)
def test_a_program_sees_a_count_or_an_error_or_makes_the_call_again(
    rounds: list[tuple[int, str]], outcome: str
) -> None:
    running = system_call(lambda *args: Effect("make", args), 1, 2)
    answer: Any = None
    for result, said in rounds:
        assert running.send(answer).args == (1, 2)
        assert running.send(result).args == ("exit_to_user_mode", Regs(user=True, ax=result))
        answer = said
    with pytest.raises(StopIteration) as end:
        running.send(answer)
    assert end.value.value == outcome
