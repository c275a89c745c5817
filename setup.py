"""The list of packages and the one compiled module, ``pyemu.hw._fast``; all else stands in pyproject.toml.

The module is optional: without a C compiler the install is pure Python, works and says so
(``pyemu.COMPILED``). ``FAULTLAB_REQUIRE_COMPILED=1`` turns a failed compilation into an error.
It is built against the stable ABI of Python 3.11, so one wheel serves 3.11 and later, and without
``-march``, so it runs on every machine of its architecture: the variants for newer processors are
files of their own, and one is chosen at run time (``pyemu.hw.twins``). ``FAULTLAB_PURE=1`` leaves it
out and gives one wheel for every machine (``py3-none-any``), a browser included (`course.lite`).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from setuptools import Extension, find_packages, setup

REQUIRED = os.environ.get("FAULTLAB_REQUIRE_COMPILED") == "1"
PURE = os.environ.get("FAULTLAB_PURE") == "1"
STABLE_ABI = 0x030B0000  # Python 3.11
CORE = ("core", "plain", "avx2", "avx512", "bulk")


def extensions() -> list[Extension]:
    """Prepare the extension modules: none when Cython is missing and none are required."""
    try:
        from Cython.Build import cythonize
    except ImportError:
        if REQUIRED:
            raise
        print("faultlab: no Cython here; installing without the compiled twin", file=sys.stderr)
        return []
    fast = Extension(
        "pyemu.hw._fast",
        ["pyemu/hw/_fast.pyx", *(f"pyemu/hw/core/{name}.c" for name in CORE)],
        depends=[str(header) for header in sorted(Path("pyemu/hw/core").glob("*.h"))],
        define_macros=[("Py_LIMITED_API", hex(STABLE_ABI))],
        py_limited_api=True,
        extra_compile_args=["/O2"] if os.name == "nt" else ["-O3"],
        optional=not REQUIRED,
    )
    # cythonize has no annotations
    built: list[Extension] = cythonize([fast], build_dir="build/cython")  # type: ignore[no-untyped-call]
    for extension in built:
        extension.optional = not REQUIRED  # cythonize makes a new object and may drop this
        extension.py_limited_api = True
    return built


# In the repository lessons/ and exercises/ stand beside course/, where a reader looks for them. In a wheel
# they are folders of the package course, so that an install adds two names to site-packages (pyemu, course)
# and not four. course.shelf.material() finds them in both places.
MATERIAL = {"course.lessons": "lessons", "course.exercises": "exercises"}

setup(
    packages=[*find_packages(include=["pyemu*", "course*"]), *MATERIAL],
    package_dir=MATERIAL,
    ext_modules=[] if PURE else extensions(),
    options={} if PURE else {"bdist_wheel": {"py_limited_api": "cp311"}},
)
