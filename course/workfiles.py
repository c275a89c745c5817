"""Where a working copy keeps what is the learner's own, and how two notebooks write there at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["FOLDER", "held", "home_of"]

FOLDER = ".faultlab"


def home_of(folder: Path | None = None) -> Path | None:
    """Find the working copy that a folder lies in.

    Parameters
    ----------
    folder : Path, optional
        Where the notebook is; the current folder by default.

    Returns
    -------
    Path or None
        The copy that ``faultlab start`` made; None outside one.
    """
    here = (folder or Path.cwd()).resolve()
    return next((one for one in (here, *here.parents) if (one / FOLDER / "manifest.json").is_file()), None)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Let nobody else change a file meanwhile, where the system knows how: others wait their turn.

    Parameters
    ----------
    path : Path
        The file; it need not be there, its folder must. A file ``NAME.lock`` stays beside it.

    Raises
    ------
    OSError
        The folder can't be written.
    """
    try:
        import fcntl
    except ImportError:  # not on Windows, nor in a browser
        yield
        return
    with path.with_name(f"{path.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # ends with the file, also when the process is killed
        yield
