"""Cython source becomes a module, once; what stands in the way is said in words."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from course.compiled import building
from course.compiled.building import build, compile_cython, load, translate, why_not
from pyemu.errors import CompileError, NoCompilerError

needs_compiler = pytest.mark.skipif(bool(why_not()), reason=why_not())
HALF = "def half(int n):\n    return n // 2\n"


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of temporary files where nothing was built before."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    building._folder.cache_clear()
    yield tmp_path
    building._folder.cache_clear()


@needs_compiler
def test_a_source_is_compiled_once_and_found_again(fresh: Path) -> None:
    first = build(HALF)
    made = first.stat().st_mtime_ns
    assert build(HALF) == first
    assert first.stat().st_mtime_ns == made
    assert compile_cython(HALF).half(7) == 3
    assert compile_cython(HALF) is compile_cython(HALF)
    assert build(HALF.replace("half", "semi")) != first
    assert not [path for path in first.parent.parent.iterdir() if path.name.startswith("new-")]


@needs_compiler
def test_another_process_loads_what_was_built() -> None:
    library = build("def total(const int[::1] numbers):\n    return numbers[0] + numbers[1]\n")
    code = (
        "import sys; from array import array; from pathlib import Path\n"
        "from course.compiled.building import load\n"
        "print(load(Path(sys.argv[1])).total(array('i', [3, 4])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(library)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "7\n"


@needs_compiler
def test_the_bounds_of_a_view_are_checked() -> None:
    from array import array

    module = compile_cython("def at(const int[::1] numbers, int i):\n    return numbers[i]\n")
    with pytest.raises(IndexError):
        module.at(array("i", [1]), 1)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def f(:\n    pass", "line 1: def f(:\n    Expected"),
        ("def f():\n    return nothing", "line 2: return nothing\n    undeclared name not builtin: nothing"),
    ],
)
def test_a_refused_text_is_told_with_its_line(source: str, said: str) -> None:
    with pytest.raises(CompileError) as raised:
        translate(source)
    assert said in str(raised.value)
    assert "faultlab_cython" not in str(raised.value)
    assert translate(HALF).exists()  # a refusal leaves nothing behind that disturbs the next text


@needs_compiler
def test_what_the_c_compiler_refuses_is_told() -> None:
    with pytest.raises(CompileError, match=r"The C compiler refuses .*nowhere\.h"):
        compile_cython('cdef extern from "nowhere.h":\n    int f()\ndef g():\n    return f()\n')


def test_without_a_compiler_the_reason_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(NoCompilerError, match="there is no C compiler \\(no-such-compiler\\); install gcc"):
        compile_cython(HALF)


def test_without_pythons_headers_the_reason_is_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CC", sys.executable)  # anything that can be started
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    assert "python3-dev" in why_not()


def test_a_folder_that_others_can_write_is_not_used(fresh: Path) -> None:
    folder = fresh / f"faultlab-cython-{os.getuid()}"
    folder.mkdir()
    folder.chmod(0o777)
    assert building._folder() != folder
    assert building._folder().stat().st_mode & 0o077 == 0


def test_no_flag_asks_for_a_processor() -> None:
    assert [flag for flag in (*building.FLAGS, *building._linker()) if flag.startswith("-m")] == []


@needs_compiler
def test_a_loaded_library_is_the_same_module_again() -> None:
    assert load(build(HALF)) is load(build(HALF))
