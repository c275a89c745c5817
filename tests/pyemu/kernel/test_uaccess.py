"""Copies between user memory and the kernel: real bytes, short counts, one or two exceptions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pyemu import Tree
from pyemu.calls.uaccess import (
    clear_user,
    copy_from_user,
    copy_from_user_inatomic,
    copy_to_user,
    fault_in_readable,
    fault_in_writeable,
    get_user,
    put_user,
)
from pyemu.effects.handles import current
from pyemu.effects.hardware import copy_user
from pyemu.effects.pages import alloc_page
from pyemu.flags import EFAULT
from tests.pyemu.scenes import PAGE, Lab, V

FRESH = {"process": "P", "userfaultfd": False}
END = V + 4 * PAGE  # the area has four pages
FRAME = 5  # any


def result_of(program: Callable[[], Awaitable[Any]], tree: Tree = Tree.after, **area: Any) -> tuple[Any, Lab]:
    """Run a program of kernel code to its end; what it gave, and the machine."""
    given: list[Any] = []

    async def whole() -> None:
        given.append(await program())

    lab = Lab(programs={"T": whole}, tree=tree, area={**FRESH, **area})
    lab.settle()
    assert lab.task("T").ended
    return given[0] if given else None, lab


def memory(lab: Lab, address: int, n: int) -> bytes:
    """Bytes of user memory; they lie in one page."""
    entry = lab.world.state.get_pte(lab.task("T").mm, address)
    pa = (entry & 0xFFFFFFFFF000) + address % PAGE
    return bytes(lab.world.state.ram[pa : pa + n])


def exceptions(lab: Lab) -> list[tuple[int, int]]:
    """Address and error code of each exception."""
    return [(int(event.a), int(event.b)) for event in lab.world.trace.select("exception")]


# ------------------------------------------------------------------------------------ bytes


@pytest.mark.parametrize(
    ("address", "n"), [(V, 10), (V + 5, PAGE), (V + PAGE - 1, 2), (V + 100, 2 * PAGE - 100)]
)
def test_bytes_go_to_user_memory_and_back(address: int, n: int) -> None:
    async def there_and_back() -> list[int]:
        frames = [await alloc_page(77), await alloc_page(0)]
        left = await copy_to_user(address, min(n, PAGE), frames[0], 0)
        back = await copy_from_user(address, min(n, PAGE), frames[1], 0)
        return [left, back, *frames]

    (left, back, _, second), lab = result_of(there_and_back)
    assert (left, back) == (0, 0)
    ram = lab.world.state.ram
    assert bytes(ram[second * PAGE : second * PAGE + min(n, PAGE)]) == bytes([77]) * min(n, PAGE)


def test_zeros_are_written_over_what_was_there_and_no_byte_more() -> None:
    async def fill_and_clear() -> int:
        frame = await alloc_page(9)
        await copy_to_user(V, PAGE, frame, 0)
        await copy_to_user(V + PAGE, PAGE, frame, 0)
        return int(await clear_user(V + 10, PAGE))

    left, lab = result_of(fill_and_clear)
    assert left == 0
    assert memory(lab, V, 12) == bytes([9] * 10 + [0, 0])
    assert memory(lab, V + PAGE, 12) == bytes([0] * 10 + [9, 9])


def test_single_values_are_read_and_written() -> None:
    async def put_and_get() -> list[int]:
        error = await put_user(V + 3, 200)
        byte = await get_user(V + 3)
        other = await get_user(V + 4)
        return [error, byte, other]

    assert result_of(put_and_get)[0] == [0, 200, 0]


def test_a_frame_offset_counts_within_the_kernels_frame() -> None:
    async def shifted() -> int:
        frame = await alloc_page(0)
        await put_user(V, 5)
        await copy_from_user(V, 1, frame, 1000)
        return int(frame)

    frame, lab = result_of(shifted)
    assert lab.world.state.ram[frame * PAGE + 1000] == 5


# ------------------------------------------------------------------------------------ kernel mode


def test_kernel_code_faults_without_the_user_bit_and_once_a_page() -> None:
    async def over_three_pages() -> int:
        return int(await clear_user(V + PAGE - 8, PAGE + 16))

    left, lab = result_of(over_three_pages)
    assert left == 0
    assert exceptions(lab) == [(V + PAGE - 8, 2), (V + PAGE, 2), (V + 2 * PAGE, 2)]


def test_a_read_only_page_of_a_writable_area_faults_for_a_write_of_the_kernel_too() -> None:
    async def read_then_write() -> int:
        await get_user(V)  # maps the zero page
        return int(await put_user(V, 1))

    error, lab = result_of(read_then_write)
    assert error == 0
    assert exceptions(lab) == [(V, 0), (V, 3)]  # CR0.WP holds for the kernel


def test_user_mode_is_user_mode_again_after_a_copy() -> None:
    async def copies() -> int:
        return int(await clear_user(V, 1))

    _, lab = result_of(copies)
    assert [mmu.access(V, "read").pa for mmu in lab.world.state.mmus[:1]]  # a user page, read in user mode


# ------------------------------------------------------------------------------------ short counts


@pytest.mark.parametrize("n", [1, 4, 100, PAGE])
def test_what_can_not_be_copied_is_counted(n: int) -> None:
    async def over_the_end() -> list[int]:
        frame = await alloc_page(0)
        start = END - (PAGE - n if n < PAGE else 0)
        return [
            await copy_to_user(start, PAGE, frame, 0),
            await copy_from_user(start, PAGE, frame, 0),
            await clear_user(start, PAGE),
        ]

    assert result_of(over_the_end)[0] == [n, n, n]


@pytest.mark.parametrize(
    ("tree", "n"), [(Tree.before, 2), (Tree.v5_7, 2), (Tree.later("6.1"), 2), (Tree.later("6.12"), 1)]
)
def test_a_block_copy_tries_the_rest_once_more_before_it_gives_up(tree: Tree, n: int) -> None:
    async def nowhere() -> int:
        return int(await copy_from_user(END, 100, FRAME, 0))

    left, lab = result_of(nowhere, tree)
    assert left == 100
    assert exceptions(lab) == [(END, 0)] * n


@pytest.mark.parametrize(
    ("call", "args", "given"), [(get_user, (), -EFAULT), (put_user, (1,), -EFAULT), (clear_user, (8,), 8)]
)
def test_other_instructions_give_up_at_once(call: Any, args: tuple[int, ...], given: int) -> None:
    async def nowhere() -> Any:
        return await call(END, *args)

    found, lab = result_of(nowhere)
    assert found == given
    assert len(exceptions(lab)) == 1


def test_the_bytes_before_the_missing_page_are_copied() -> None:
    async def half() -> int:
        frame = await alloc_page(66)
        return int(await copy_to_user(END - 16, 32, frame, 0))

    left, lab = result_of(half)
    assert left == 16
    assert memory(lab, END - 16, 16) == bytes([66] * 16)


# ------------------------------------------------------------------------------------ faulting in


@pytest.mark.parametrize(
    ("address", "n", "pages"),
    [(V, PAGE, 1), (V, 1, 1), (V + 1, PAGE, 2), (V, 3 * PAGE, 3), (V + PAGE - 1, 2, 2), (V, 0, 0)],
)
@pytest.mark.parametrize(("touch", "code"), [(fault_in_readable, 0), (fault_in_writeable, 2)])
def test_each_page_of_a_range_is_touched_once(
    touch: Any, code: int, address: int, n: int, pages: int
) -> None:
    async def touches() -> int:
        return int(await touch(address, n))

    absent, lab = result_of(touches)
    assert absent == 0
    first = [address, *(address // PAGE * PAGE + one * PAGE for one in range(1, pages))][:pages]
    assert exceptions(lab) == [(one, code) for one in first]


@pytest.mark.parametrize("touch", [fault_in_readable, fault_in_writeable])
@pytest.mark.parametrize(
    ("address", "n", "absent"), [(END, 50, 50), (END - 10, 50, 40), (END - PAGE, 2 * PAGE, PAGE)]
)
def test_the_bytes_that_can_not_be_had_are_counted(touch: Any, address: int, n: int, absent: int) -> None:
    async def touches() -> int:
        return int(await touch(address, n))

    assert result_of(touches)[0] == absent


# ------------------------------------------------------------------------------------ page faults off


def test_an_atomic_copy_copies_what_is_there_and_leaves_the_switch_as_it_was() -> None:
    async def atomic() -> list[Any]:
        frame = await alloc_page(0)
        await put_user(V + PAGE - 1, 44)
        left = await copy_from_user_inatomic(V + PAGE - 4, 8, frame, 0)
        off = await current.pagefault_disabled
        return [left, off, frame]

    (left, off, frame), lab = result_of(atomic)
    assert (left, off) == (4, False)
    assert bytes(lab.world.state.ram[frame * PAGE : frame * PAGE + 8]) == bytes([0, 0, 0, 44, 0, 0, 0, 0])


def test_one_operation_copies_up_to_the_end_of_the_user_page() -> None:
    lab = Lab("T", area={**FRESH, "populated": [0, 1]})
    assert lab.do("T", copy_user(V + PAGE - 6, "read", 100, 5, 0)).value == 6
    assert lab.do("T", copy_user(V, "read", 100, 5, PAGE - 2)).value == 2  # and of the frame
    assert lab.do("T", copy_user(V + 2 * PAGE, "read", 1, 5, 0)).value is None
    lab.close()
