"""``python -m course.lite``: build the site."""

from __future__ import annotations

import sys
from pathlib import Path

from course.lite.fetch import ROOT
from course.lite.lessons import LEFT_OUT, lessons_in
from course.lite.site import build, size
from pyemu.errors import FaultlabError


def main() -> None:
    """Build the site, and say how large it is and how it is served."""
    site = ROOT / "build" / "site"
    try:
        build(site, ROOT / "build" / "lite")
    except FaultlabError as error:
        sys.exit(f"faultlab: {error}")
    wheel = next((site / "static" / "pyodide").glob("faultlab-*.whl"))
    where = site.relative_to(Path.cwd()) if site.is_relative_to(Path.cwd()) else site
    whole, own = size(site) / 1e6, wheel.stat().st_size / 1e6
    print(f"{where}: {whole:.1f} MB, of which faultlab's wheel is {own:.1f} MB.")
    print(f"{len(lessons_in())} lessons are in it; left out: {', '.join(LEFT_OUT) or 'none'}.")
    print(f"To look at it: python -m http.server --bind 127.0.0.1 --directory {where} 8000")


if __name__ == "__main__":
    main()
