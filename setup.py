"""Build of the one compiled module, ``pyemu.hw._fast``; all other settings stand in pyproject.toml.

The module is optional: without a C compiler the install is pure Python, works and says so
(``pyemu.COMPILED``). ``FAULTLAB_REQUIRE_COMPILED=1`` turns a failed compilation into an error.
It is built against the stable ABI of Python 3.11, so one wheel serves 3.11 and later, and without
``-march``, so it runs on every machine of its architecture.
"""

from __future__ import annotations

import os
import sys

from setuptools import Extension, setup

REQUIRED = os.environ.get("FAULTLAB_REQUIRE_COMPILED") == "1"
STABLE_ABI = 0x030B0000  # Python 3.11


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
        ["pyemu/hw/_fast.pyx"],
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


setup(
    ext_modules=extensions(),
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
