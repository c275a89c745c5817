from __future__ import annotations

import pytest

from pyemu.hw import twins

VARIANTS = twins.variants() or ("plain",)  # without a compiled twin: skipped, and told


@pytest.fixture(params=["ref", *(f"fast-{name}" for name in VARIANTS)])
def twin(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each test that asks for it runs once for each twin, and for each variant that this machine has."""
    name, _, variant = str(request.param).partition("-")
    if variant:
        if not twins.variants():
            pytest.skip("this install has no compiled twin")
        monkeypatch.setenv("FAULTLAB_VARIANT", variant)
    return name
