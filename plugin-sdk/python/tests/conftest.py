"""What all tests share."""

import pytest


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    """Nothing of a host that runs these tests reaches the plugins of the tests."""
    for name in ("OUTRIDER_PLUGIN_SOCKET", "OUTRIDER_PLUGIN_TOKEN", "PORT"):
        monkeypatch.delenv(name, raising=False)
