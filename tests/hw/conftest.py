from __future__ import annotations

import pytest

from pyemu.hw import twins


@pytest.fixture(params=["ref", "fast-plain", "fast-avx2", "fast-avx512"])
def twin(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each test that asks for it runs once for each twin, and for each variant of the compiled one."""
    name, _, variant = str(request.param).partition("-")
    if variant:
        if variant not in twins.variants():
            pytest.skip(f"this install or this machine has no variant {variant!r} of the compiled twin")
        monkeypatch.setenv("FAULTLAB_VARIANT", variant)
    return name
