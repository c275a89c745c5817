"""Colours: at most five, apart in each type of colour vision, and to be seen on the paper of both themes."""

from __future__ import annotations

import math
from itertools import combinations

import pytest

from course.views.stepping.palette import DARK, LIGHT, STYLES, Palette, css

Triple = tuple[float, float, float]

# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
VISION: dict[str, tuple[Triple, Triple, Triple]] = {
    "full": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
THEMES = {"light": LIGHT, "dark": DARK}
PAPERS = {"light": ("#ffffff",), "dark": ("#111111", "#000000")}


def linear(colour: str) -> Triple:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return r, g, b


def luminance(colour: Triple) -> float:
    return 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(linear(one)), luminance(linear(other))))
    return (light + 0.05) / (dark + 0.05)


def seen(colour: Triple, vision: tuple[Triple, Triple, Triple]) -> Triple:
    r, g, b = (min(1.0, max(0.0, sum(k * c for k, c in zip(row, colour, strict=True)))) for row in vision)
    return r, g, b


def lab(colour: Triple) -> Triple:
    def f(t: float) -> float:
        return t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116

    r, g, b = colour
    x = f((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047)
    y = f(luminance(colour))
    z = f((0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def distance(one: Triple, other: Triple) -> float:
    """CIEDE2000, after Sharma, Wu and Dalal 2005."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    mean = (math.hypot(a1, b1) + math.hypot(a2, b2)) / 2
    g = 0.5 * (1 - math.sqrt(mean**7 / (mean**7 + 25**7)))
    a1, a2 = a1 * (1 + g), a2 * (1 + g)
    c1, c2 = math.hypot(a1, b1), math.hypot(a2, b2)
    h1, h2 = (math.degrees(math.atan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    dl, dc, dh = l2 - l1, c2 - c1, 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn / 2))
    lm, cm, hm = (l1 + l2) / 2, (c1 + c2) / 2, (h1 + h2 if c1 * c2 == 0 else (h1 + turn / 2) % 360)
    t = (
        1
        - 0.17 * math.cos(math.radians(hm - 30))
        + 0.24 * math.cos(math.radians(2 * hm))
        + 0.32 * math.cos(math.radians(3 * hm + 6))
        - 0.20 * math.cos(math.radians(4 * hm - 63))
    )
    sl = 1 + 0.015 * (lm - 50) ** 2 / math.sqrt(20 + (lm - 50) ** 2)
    sc, sh = 1 + 0.045 * cm, 1 + 0.015 * cm * t
    swing = 60 * math.exp(-(((hm - 275) / 25) ** 2))
    rt = -2 * math.sqrt(cm**7 / (cm**7 + 25**7)) * math.sin(math.radians(swing))
    return math.sqrt((dl / sl) ** 2 + (dc / sc) ** 2 + (dh / sh) ** 2 + rt * dc / sc * dh / sh)


def test_the_distance_is_that_of_its_authors():
    # Pairs 1, 7 and 17 of their table of test data.
    assert distance((50, 2.6772, -79.7751), (50, 0, -82.7485)) == pytest.approx(2.0425, abs=1e-4)
    assert distance((50, 0, 0), (50, -1, 2)) == pytest.approx(2.3669, abs=1e-4)
    assert distance((50, 2.5, 0), (73, 25, -18)) == pytest.approx(27.1492, abs=1e-4)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("vision", VISION)
def test_colours_stay_apart(theme: str, vision: str):
    found = {name: lab(seen(linear(one), VISION[vision])) for name, one in THEMES[theme].colours.items()}
    near = {(a, b): distance(found[a], found[b]) for a, b in combinations(found, 2)}
    assert min(near.values()) >= 10, near


@pytest.mark.parametrize("theme", THEMES)
def test_bars_and_text_stand_out_from_the_paper(theme: str):
    palette: Palette = THEMES[theme]
    for paper in PAPERS[theme]:
        assert {name for name, one in palette.colours.items() if contrast(one, paper) < 3} == set()
        assert contrast(palette.ink, paper) >= 4.5


def test_there_are_at_most_five_colours_and_each_style_has_a_shape_or_letter_too():
    for palette in THEMES.values():
        assert len({*palette.colours.values(), palette.ink}) <= 5
    used = [colour for colour, pattern in STYLES.values() if pattern != "none"]
    for colour in LIGHT.colours:
        assert colour in used
    tasks = ("run", "kernel", "sleep", "wait")
    assert {STYLES[name][1] for name in tasks} >= {"solid", "stripes", "dots"}


def test_the_style_sheet_sets_every_colour_in_both_themes_and_none_where_colours_are_forced():
    text = css()
    for palette in THEMES.values():
        for name, colour in palette.colours.items():
            assert text.count(f"--fl-{name}: {colour};") == 2
    forced = text.partition("@media (forced-colors: active)")[2]
    assert "#" not in forced
    assert all(f"--fl-{name}: CanvasText" in forced for name in LIGHT.colours)
