"""Kernel labels: which tree stands for a kernel, and what is said when it is only the nearest one."""

from __future__ import annotations

import pytest

from course.conform.kernels import TREES, Computer, kernel_of, series
from pyemu import Tree
from pyemu.errors import RecordError


@pytest.mark.parametrize("label", ["5.7", "5.7.14", "5.7.0.1"])
def test_a_label_is_matched_by_its_first_two_numbers(label: str) -> None:
    assert kernel_of(label).tree == Tree.v5_7
    assert kernel_of(label).emulated == "v5_7"


@pytest.mark.parametrize(
    ("label", "name"),
    [
        *(
            ("5.4.59", "before"),
            ("5.6", "before"),
            ("5.7.14", "v5_7"),
            ("5.8.1", "v5_8"),
            ("5.9", "v5_9"),
            ("5.10.223", "v5_10"),
        ),
        *(
            ("6.0.19", "v6_0"),
            ("6.2", "v6_2"),
            ("6.3", "v6_3"),
            ("6.4.6", "v6_4"),
            ("6.5", "v6_5"),
            ("6.8", "v6_8"),
        ),
        *(("6.1.176", "v6_1"), ("6.12.107", "v6_12"), ("6.18.44", "v6_18"), ("7.2.13", "v7_2")),
    ],
)
def test_a_kernel_with_a_tree_of_its_own_says_nothing_more(label: str, name: str) -> None:
    kernel = kernel_of(label)
    assert (kernel.emulated, kernel.nearest) == (name, False)


@pytest.mark.parametrize(
    ("label", "name"),
    [
        *(("2.6.18", "before"), ("4.20", "before"), ("5.0", "before"), ("5.3.18", "before")),
        *(("5.11", "v5_10"), ("5.14.3", "v5_10"), ("5.15.85", "v5_10"), ("5.16", "v6_0"), ("5.19", "v6_0")),
        *(("6.6", "v6_5"), ("6.7", "v6_8"), ("6.10", "v6_8"), ("6.11", "v6_12"), ("6.15", "v6_12")),
        *(("6.16", "v6_18"), ("6.19", "v6_18"), ("7.0", "v6_18"), ("7.1.5", "v7_2"), ("9.4", "v7_2")),
    ],
)
def test_another_kernel_gets_the_nearest_tree_the_older_of_two_and_says_so(label: str, name: str) -> None:
    kernel = kernel_of(label)
    assert (kernel.emulated, str(kernel.tree), kernel.nearest) == (f"{name} (nearest)", name, True)


def test_the_machines_are_those_of_the_records() -> None:
    one_cpu = {version for version in TREES if kernel_of(f"{version[0]}.{version[1]}").computer.n_cpus == 1}
    assert one_cpu == {(6, 12), (7, 2)}
    assert Computer(2, True).as_table() == {"n_cpus": 2, "preemption": True}


@pytest.mark.parametrize(
    ("label", "known"), [("5.4", False), ("5.10.223", False), ("5.11", True), ("6.1", True)]
)
def test_user_mode_only_came_with_5_11(label: str, known: bool) -> None:
    assert kernel_of(label).knows_user_mode_only is known


@pytest.mark.parametrize(
    "label", ["", "5", "5.", "v5.7", "5.7-rc1", "\u0665.\u0667", "5.7\n", "99999.1", "5." + "9" * 5000]
)
def test_a_label_that_is_no_version_is_refused(label: str) -> None:
    with pytest.raises(RecordError, match="is no version"):
        series(label)
