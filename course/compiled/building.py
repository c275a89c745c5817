"""From Cython source to a module: translated to C, compiled, kept by content in a temporary folder.

::

    source --Cython--> NAME.c and NAME.html (its annotation) --C compiler--> NAME.so --import--> module

What was made once is found again, also by the next Python: NAME holds a digest of the source, the versions
and the flags. Typed memoryviews bring 20,000 lines of C with them; these are compiled once, as a module that
the others share. No flag asks for a processor.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from functools import cache
from importlib import metadata
from importlib.machinery import ExtensionFileLoader
from pathlib import Path
from types import ModuleType

from pyemu.errors import CompileError, NoCompilerError

__all__ = ["build", "compile_cython", "libraries", "load", "translate", "why_not"]

FLAGS = ("-O2", "-fPIC", "-w")
SECONDS = 300
"""A step that takes longer is taken for hung, in seconds of wall time."""

_ERROR = re.compile(r"^(?!warning|performance).*?\w+\.pyx:(\d+):\d+: (.*)$", re.MULTILINE)


def compile_cython(source: str) -> ModuleType:
    """Make a module of Cython source; it runs in this process.

    Parameters
    ----------
    source : str
        The text of a ``.pyx`` file.

    Returns
    -------
    module
        Imported. The same source gives the same module again.

    Raises
    ------
    NoCompilerError
        There is no Cython, no C compiler, or no ``Python.h``; the text says which.
    CompileError
        Cython or the C compiler refuses the source. The text gives line and reason.
    """
    return load(build(source))


def why_not() -> str:
    """Say what is missing before anything can be compiled here; empty if nothing is."""
    if importlib.util.find_spec("Cython") is None:
        return "there is no Cython; install it with pip"
    words = _linker()
    if not words or shutil.which(words[0]) is None:
        return f"there is no C compiler ({words[0] if words else 'cc'}); install gcc"
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        return "the C compiler has no Python.h; install the headers of Python (Debian: python3-dev)"
    return ""


def translate(source: str) -> Path:
    """Translate Cython source to C; the C compiler isn't needed.

    Parameters
    ----------
    source : str
        The text of a ``.pyx`` file.

    Returns
    -------
    Path
        The file of C. Its annotation stands beside it, with the ending ``.html``.

    Raises
    ------
    NoCompilerError
        There is no Cython.
    CompileError
        Cython refuses the source.
    """
    if importlib.util.find_spec("Cython") is None:
        raise NoCompilerError(f"Nothing can be translated here: {why_not()}.")
    name = f"faultlab_cython_{_digest(source)}"
    made = _folder() / name / f"{name}.c"
    if not made.exists():
        _translate(name, source)
    return made


def build(source: str) -> Path:
    """Translate and compile Cython source; `load` imports what comes out, in this process or in another.

    Parameters
    ----------
    source : str
        The text of a ``.pyx`` file.

    Returns
    -------
    Path
        The shared library. It needs the shared part, which `load` brings.

    Raises
    ------
    NoCompilerError, CompileError
        As `compile_cython`.
    """
    if reason := why_not():
        raise NoCompilerError(f"Nothing can be compiled here: {reason}.")
    return _compile(translate(source))


def libraries(source: str) -> tuple[Path, Path]:
    """Translate and compile Cython source for a process that has no faultlab.

    Parameters
    ----------
    source : str
        The text of a ``.pyx`` file.

    Returns
    -------
    tuple of (Path, Path)
        The shared part and the library. The file's name without its ending is the name by which each must be
        imported, in this order.

    Raises
    ------
    NoCompilerError, CompileError
        As `compile_cython`.
    """
    library = build(source)
    return _shared(), library


@cache
def load(library: Path) -> ModuleType:
    """Import a library that `build` has made.

    Parameters
    ----------
    library : Path
        What `build` gave.

    Returns
    -------
    module
        The module.
    """
    name = library.stem
    if name != _shared_name() and _shared_name() not in sys.modules:
        sys.modules[_shared_name()] = load(_shared())  # the library imports it by this name
    spec = importlib.util.spec_from_file_location(
        name, library, loader=ExtensionFileLoader(name, str(library))
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ------------------------------------------------------------------------------------------------ steps


def _translate(name: str, source: str) -> None:
    with tempfile.TemporaryDirectory(dir=_folder(), prefix="new-") as folder:
        (Path(folder) / f"{name}.pyx").write_text(source, encoding="utf-8")
        said = _cython("-3", "-a", f"--shared={_shared_name()}", str(Path(folder, f"{name}.pyx")))
        if not Path(folder, f"{name}.c").exists():
            raise CompileError(_refusal(source, said))
        _settle(Path(folder), _folder() / name)


def _compile(c_file: Path, flags: tuple[str, ...] = FLAGS) -> Path:
    library = c_file.with_suffix(".so")
    if not library.exists():
        with tempfile.TemporaryDirectory(dir=_folder(), prefix="new-") as folder:
            made = Path(folder) / library.name
            include = f"-I{sysconfig.get_path('include')}"
            done = _run([*_linker(), *flags, include, str(c_file), "-o", str(made)], folder)
            if done.returncode:
                reason = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr)
                raise CompileError(f"The C compiler refuses what Cython made: {reason.strip()}")
            made.replace(library)
    return library


def _shared() -> Path:
    """Build what all modules share: the code of typed memoryviews."""
    name = _shared_name()
    made = _folder() / name / f"{name}.c"
    if not made.exists():
        with tempfile.TemporaryDirectory(dir=_folder(), prefix="new-") as folder:
            done = _run([sys.executable, "-m", "cython", f"--generate-shared={name}.c"], folder)
            if done.returncode:
                raise CompileError(f"Cython can't make its shared part: {done.stderr.strip()}")
            _settle(Path(folder), _folder() / name)
    return _compile(made, ("-O1", *FLAGS[1:]))


def _settle(new: Path, place: Path) -> None:
    """Put a finished folder into its place, unless another process was faster."""
    try:
        shutil.copytree(new, place.with_suffix(f".{os.getpid()}"))
        place.with_suffix(f".{os.getpid()}").rename(place)
    except OSError:
        shutil.rmtree(place.with_suffix(f".{os.getpid()}"), ignore_errors=True)
        if not place.exists():
            raise


def _cython(*words: str) -> str:
    """Run Cython's command line in this process, which costs a tenth of a new one from the second time on."""
    from Cython.Compiler.CmdLine import parse_command_line
    from Cython.Compiler.Main import compile

    with contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            options, sources = parse_command_line(list(words))  # type: ignore[no-untyped-call]  # Cython has none
            compile(sources, options)  # type: ignore[no-untyped-call]  # Cython has none
        except Exception as error:  # noqa: BLE001  a text that makes Cython itself fail is refused, too
            return f"{said.getvalue()}\n{type(error).__name__}: {error}"
    return said.getvalue()


def _run(words: list[str], folder: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        cwd=folder,
        env=os.environ | {"LC_ALL": "C"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def _refusal(source: str, said: str) -> str:
    """Cython's words, with the lines that they are about."""
    lines = source.splitlines()
    reasons: dict[int, list[str]] = {}
    for line, reason in _ERROR.findall(said):
        reasons.setdefault(int(line), []).append(reason)
    if not reasons:
        return f"Cython refuses the text: {said.strip()}"
    told = [
        "\n    ".join([f"line {line}: {lines[line - 1].strip()}", *dict.fromkeys(found)])
        for line, found in sorted(reasons.items())
    ]
    return "\n".join(["Cython refuses the text.", *told])


# ------------------------------------------------------------------------------------------------ places


def _linker() -> list[str]:
    """The words that compile and link a library: those of this Python's build, with ``CC`` if it is set."""
    words = shlex.split(sysconfig.get_config_var("LDSHARED") or "")
    own = shlex.split(os.environ.get("CC", ""))
    if own and words:
        return [*own, *words[1:]]
    if words and shutil.which(words[0]) is None:  # a Python that was built elsewhere
        return ["cc", *words[1:]]
    return words


@cache
def _version() -> str:
    return metadata.version("cython")


def _digest(source: str) -> str:
    parts = (source, _version(), sysconfig.get_config_var("SOABI"), sysconfig.get_path("include"))
    return hashlib.sha256(repr((*parts, FLAGS, _linker())).encode()).hexdigest()[:16]


@cache
def _shared_name() -> str:
    return f"faultlab_cython_shared_{_digest('')}"


@cache
def _folder() -> Path:
    """A folder of this user's own among the temporary files: nobody else may put a library there."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"faultlab-cython-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not folder.is_symlink() and status.st_uid == user and not status.st_mode & 0o022:
        return folder
    return Path(tempfile.mkdtemp(prefix="faultlab-cython-"))
