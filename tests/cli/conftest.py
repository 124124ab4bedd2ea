"""What all tests of commands share."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def small_charts() -> Iterator[None]:
    """Charts with fewer dots, which take less time to draw; how they look is tested elsewhere."""
    from lstmcast.plots import style

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(style, "DPI", 40)
        yield
