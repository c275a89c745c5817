"""Hypothesis here: no deadline (two cores run many things at a time), and the same examples in every run."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("faultlab", deadline=None, derandomize=True)
settings.load_profile("faultlab")
