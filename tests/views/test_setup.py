"""``ready`` says where pyemu runs uncompiled, and its text stays the same; importing views is cheap."""

from __future__ import annotations

import subprocess
import sys

import pytest

from course.views import ready
from course.views.setup import TEXT
from course.views.steps import WIDGET_VIEW
from pyemu import COMPILED
from pyemu.hw import twins


def test_uncompiled_runs_are_announced_in_a_widget_and_the_text_stays(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAULTLAB_TWIN", "ref")
    bundle = ready()._repr_mimebundle_()
    assert bundle.pop(WIDGET_VIEW)["model_id"]
    assert bundle == {"text/plain": TEXT}
    assert "uncompiled" in ready().notice


def test_an_install_without_a_compiler_is_told_so_and_where_to_look(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("FAULTLAB_TWIN", raising=False)
    monkeypatch.setattr(twins, "COMPILED", False)
    monkeypatch.setattr("pyemu.hw.COMPILED", False)
    assert "no compiled part" in ready().notice
    assert "faultlab doctor" in ready().notice


@pytest.mark.skipif(not COMPILED, reason="this install has no compiled twin")
def test_a_compiled_run_says_nothing_more(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("FAULTLAB_TWIN", raising=False)
    assert ready()._repr_mimebundle_() == {"text/plain": TEXT}


def test_importing_the_views_loads_no_heavy_package():
    heavy = "anywidget", "ipywidgets", "IPython", "numpy", "matplotlib"
    code = f"import sys, course.views, course.predictions; print([n for n in {heavy!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_view_is_found_under_its_name():
    import course.views

    assert [name for name in course.views.__all__ if not callable(getattr(course.views, name))] == []
    assert dir(course.views) == sorted(course.views.__all__)
    with pytest.raises(AttributeError, match="no attribute 'timelin'; it has: counters"):
        course.views.timelin  # noqa: B018
