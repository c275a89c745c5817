from __future__ import annotations

import pytest

from pyemu.hw import COMPILED


@pytest.fixture(params=["ref", "fast"])
def twin(request: pytest.FixtureRequest) -> str:
    """Each test that asks for it runs once for each twin."""
    if request.param == "fast" and not COMPILED:
        pytest.skip("this install has no compiled twin")
    return str(request.param)
