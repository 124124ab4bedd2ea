"""What all tests of commands share."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def small_charts() -> Iterator[None]:
    """Charts with fewer dots, which take less time to draw; how they look is tested elsewhere.

    For a module, not the session: tests of charts in the same process see the real ones.
    """
    from lstmcast.plots import sheet

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sheet, "DPI", 40)
        yield
