"""What all tests of commands share."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="module", autouse=True)
def blank_charts() -> Iterator[None]:
    """Charts are laid out as they are, and blank paper is written to their files.

    Painting takes two thirds of what `lstmcast plot` takes; how charts look is tested elsewhere.
    For a module, not the session: tests of charts in the same process see the real ones.
    """
    from matplotlib.figure import Figure

    from lstmcast.plots import sheet

    def blank(chart: Figure, fname: Any, **options: Any) -> None:
        Figure((chart.get_figwidth(), chart.get_figheight()), dpi=20).savefig(fname, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sheet, "DPI", 40)
        patch.setattr(sheet.Chart, "savefig", blank)
        yield


@pytest.fixture
def painted_charts() -> Iterator[None]:
    """Charts painted in earnest, though with few dots."""
    from matplotlib.figure import Figure

    from lstmcast.plots import sheet
    from lstmcast.plots.style import house_style

    def paint(chart: Figure, fname: Any, **options: Any) -> None:
        with house_style():
            Figure.savefig(chart, fname, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sheet.Chart, "savefig", paint)
        yield
