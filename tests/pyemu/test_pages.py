"""Who uses a frame, as the machine sees it when it is built."""

from __future__ import annotations

import pytest

from pyemu import Machine
from pyemu.effects.swapops import pte_present
from pyemu.errors import HandlerError
from pyemu.flags import PAGE_PRESENT, PAGE_PROTNONE
from pyemu.pages import get_frame, named_frame, write_entry
from pyemu.state import ZERO_PFN, FrameState, State
from tests.pyemu.scenes import READ, V, scene, victim


@pytest.mark.parametrize(
    ("entry", "answer"), [(0, False), (PAGE_PRESENT, True), (PAGE_PROTNONE, True), (0x2000, False)]
)
def test_prot_none_hides_a_page_from_the_cpu_only(entry: int, answer: bool) -> None:
    assert pte_present(entry) is answer


def test_nobody_counts_the_zero_page() -> None:
    state = State(16, 1)
    state.new_mm(1)
    write_entry(state, 1, V, ZERO_PFN << 12 | PAGE_PRESENT)
    assert named_frame(state, state.get_pte(1, V)) is None
    with pytest.raises(HandlerError, match="frame 1 holds no page"):
        get_frame(state, ZERO_PFN)


def test_a_page_that_is_there_from_the_start_is_counted() -> None:
    state = Machine(scene(victim(READ), area={"populated": [2]})).world.state
    pfn = named_frame(state, state.get_pte(1, V + 2 * 4096))
    assert pfn is not None
    assert get_frame(state, pfn) == FrameState(mapcount=1, refcount=1)
