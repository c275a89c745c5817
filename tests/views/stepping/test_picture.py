"""The picture without a script, and the page without a kernel, hold the same facts and ask for nothing."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ET

import pytest

from course.views.stepping.picture import svg
from course.views.steps import Stepper, stepper
from tests.views.runs import on

ONE = stepper(on("S13", "before"))
TWO = stepper(on("S13", "before"), on("S13", "after"))


@pytest.mark.parametrize("view", [ONE, TWO], ids=["one", "two"])
def test_the_image_names_each_lane_and_has_whole_numbers_only(view: Stepper):
    text = svg(view)
    root = ET.fromstring(text)
    words = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    for name in ("T", "M", "mmap_sem", "CPU 0"):
        assert words.count(name) >= len(view.results)
    assert all(words.count(label) == 1 for label in view.labels)
    assert not re.search(r"\d\.\d", text)


@pytest.mark.parametrize("view", [ONE, TWO], ids=["one", "two"])
def test_the_html_holds_the_image_its_description_and_the_facts(view: Stepper):
    html = view.html()
    (image,) = re.findall(r"data:image/svg\+xml;base64,([\w+/=]+)", html)
    assert base64.b64decode(image).decode() == svg(view)
    assert re.search(r'<img alt="[^"]{40,}"', html)
    assert view.panel(view.start).html() in html
    assert "<script" not in html


def test_the_page_holds_everything_and_names_no_other_place():
    page = TWO.page()
    assert base64.b64encode(TWO.wire.data).decode() in page
    assert TWO.html() in page
    addresses = set(re.findall(r"https?://[^\s\"'<]+", page))
    assert addresses == set()
    assert page == stepper(*TWO.results).page()
