"""The curves of a trace as one picture (matplotlib); the same curves give the same bytes."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

from pyemu.errors import FaultlabError

if TYPE_CHECKING:
    from course.trace.curve import Curves

__all__ = ["check_name", "draw"]

FORMATS = (".svg", ".png")


def check_name(path: Path) -> None:
    """Refuse a picture of another format, before the work."""
    if path.suffix.lower() not in FORMATS:
        raise FaultlabError(f"--plot {path}: the name must end in {' or '.join(FORMATS)}.")
    if find_spec("matplotlib") is None:
        raise FaultlabError(
            "--plot needs matplotlib, which is not installed: pip install matplotlib. Without --plot the "
            "curves come as text."
        )


def draw(found: Curves, title: str, path: Path) -> None:
    """Draw misses, working set, windows and first accesses into a file.

    Parameters
    ----------
    found : Curves
        What was measured.
    title : str
        Of the picture.
    path : Path
        Ends in .svg or .png.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    page_kib = found.page_size // 1024
    with mpl.rc_context({"svg.hashsalt": "faultlab", "font.family": "DejaVu Sans"}):
        figure = Figure(figsize=(10, 7.5), layout="constrained")
        figure.suptitle(
            shorten(title, 100, placeholder=" ..."), parse_math=False
        )  # a shell's $ is none of TeX
        (misses, working), (windows, heat) = figure.subplots(2, 2)

        for (name, reuse), style in zip(found.reuses.items(), ("-", "--", ":"), strict=True):
            if reuse.n:
                ratios = reuse.misses(found.entries[-1]) / reuse.n
                misses.plot(range(1, len(ratios)), ratios[1:], style, label=name)
        misses.set(xscale="log", yscale="log", xlabel="entries of a fully associative LRU TLB")
        misses.set(ylabel="misses an access")
        reach = misses.secondary_xaxis("top", functions=(lambda n: n * page_kib, lambda kib: kib / page_kib))
        reach.set_xlabel("reach in KiB")
        misses.legend()

        taus, pages = zip(*found.working_sets(), strict=True)
        working.plot(taus, pages, "o-", markersize=3)
        working.set(xscale="log", yscale="log", xlabel="tau, in accesses", ylabel="working set, in pages")

        whole = found.whole
        windows.step(range(len(whole.windows)), whole.windows, where="post")
        windows.set(xlabel=f"time, in {whole.window:,} accesses", ylabel="pages used")
        windows.set_ylim(bottom=0)

        map_ = found.heat()
        picture = heat.imshow(
            map_.counts, aspect="auto", origin="lower", cmap="magma_r", interpolation="none"
        )
        every = -(-len(map_.starts) // 8)
        ticks = range(0, len(map_.starts), every)
        heat.set_yticks(ticks, [f"{map_.starts[row]:#x}" for row in ticks], fontsize=7)
        heat.set(xlabel=f"time, in {whole.window:,} accesses", title="first accesses (demand faults)")
        figure.colorbar(picture, ax=heat, label="pages")

        for axes in (misses, working, windows):
            axes.grid(visible=True, alpha=0.3)
        nothing = {"Date": None} if path.suffix.lower() == ".svg" else {"Software": None}
        figure.savefig(path, metadata=nothing)
