"""The report in a real browser: nothing fails, nothing is fetched, and it does what it says."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from support.chromium import Browser, browser, chromium
from support.pages import BOLD, HARM, page

from lstmcast.report import render

pytestmark = pytest.mark.skipif(chromium() is None, reason="Chromium is not installed")

PLOT = "document.querySelector('#chart-test .plot')"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with every kind of chart, and names that mean harm."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_bytes(render(page()))
    assert path.stat().st_size <= 6 * 2**20
    return path


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def clean(shown: Browser) -> None:
    """Nothing went wrong and nothing was asked for, and no name became markup."""
    assert shown.evaluate("document.title").startswith("<script>")
    assert shown.errors == []
    assert shown.requests == []
    assert shown.evaluate("document.images.length") == 0


def test_a_narrow_page_in_light_colours(shown: Browser, report: Path) -> None:
    shown.open(report, width=375)
    it_fits_the_window_in_its_theme(shown, width=375, dark=False)


def test_a_wide_page_in_dark_colours(shown: Browser, report: Path) -> None:
    """All that can be asked of one page: to open it takes longer than the rest."""
    shown.open(report, width=1440, dark=True)
    it_prints_in_light_colours(shown)
    shown.emulate(width=1440, dark=True)
    it_fits_the_window_in_its_theme(shown, width=1440, dark=True)
    no_grid_hides_what_a_range_states(shown)
    nothing_but_layout_is_without_a_name(shown)
    it_zooms_by_button_by_mouse_and_by_key(shown)
    it_tells_what_the_mouse_or_a_key_points_at(shown)
    another_symbol_can_be_chosen_and_names_stay_text(shown)


def it_fits_the_window_in_its_theme(shown: Browser, *, width: int, dark: bool) -> None:
    clean(shown)
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    assert shown.evaluate("document.querySelectorAll('.main-svg').length") >= 9
    assert shown.evaluate("document.documentElement.dataset.theme") == ("dark" if dark else "light")
    # Text stands out from what it stands on, in both themes (WCAG 2.2: 4.5 to 1).
    for _ in range(2):
        light = luminances(shown)
        assert contrast(light["ink"], light["surface"]) > 7
        for ink in ("muted", "link", "median"):
            assert contrast(light[ink], light["surface"]) > 4.5, ink
        assert contrast(light["muted"], light["soft"]) > 4.5
        for line in range(1, 9):
            assert contrast(light[f"series-{line}"], light["surface"]) > 3
        before = shown.evaluate(f"{PLOT}._fullLayout.font.color")
        shown.evaluate("document.getElementById('theme').click()")
        assert shown.evaluate(f"{PLOT}._fullLayout.font.color") != before
    clean(shown)


NAMES = ("ink", "surface", "muted", "link", "median", "soft", *(f"series-{k}" for k in range(1, 9)))


def luminances(shown: Browser) -> dict[str, float]:
    """How bright each colour of the palette is, as WCAG computes it."""
    codes = shown.evaluate(
        f"(() => {{ const style = getComputedStyle(document.documentElement);"
        f" return {list(NAMES)}.map((name) => style.getPropertyValue('--' + name).trim()) }})()"
    )
    found = {}
    for name, code in zip(NAMES, codes, strict=True):
        channels = [int(code[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        found[name] = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return found


def contrast(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def dates(shown: Browser) -> tuple[str, str]:
    first, last = shown.evaluate(f"{PLOT}._fullLayout.xaxis.range.map(String)")
    return first[:10], last[:10]


def it_zooms_by_button_by_mouse_and_by_key(shown: Browser) -> None:
    year = dates(shown)  # of many sessions a year is shown at first
    assert (
        shown.evaluate("document.querySelector('#chart-test [data-months=\"12\"]').ariaPressed")
        == "true"
    )
    shown.evaluate("document.querySelector('#chart-test [data-months=\"3\"]').click()")
    quarter = dates(shown)
    assert quarter[1] == year[1]
    assert year[0] < quarter[0] < quarter[1]
    # The prices fill the height of what is shown.
    low, high = shown.evaluate(f"{PLOT}._fullLayout.yaxis.range")
    shown.evaluate("document.querySelector('#chart-test [data-months=\"0\"]').click()")
    wide = shown.evaluate(f"{PLOT}._fullLayout.yaxis.range")
    assert high - low < wide[1] - wide[0]
    everything = dates(shown)
    assert everything[0] < year[0]
    box = place(shown)
    middle = box["top"] + box["height"] / 2
    shown.mouse("Moved", box["left"] + 0.3 * box["width"], middle)
    shown.mouse("Pressed", box["left"] + 0.3 * box["width"], middle, button="left", clickCount=1)
    for share in (0.4, 0.5, 0.6):
        shown.mouse("Moved", box["left"] + share * box["width"], middle, button="left", buttons=1)
    shown.mouse("Released", box["left"] + 0.6 * box["width"], middle, button="left", clickCount=1)
    shown.until(f"{PLOT}._fullLayout.xaxis.range[0].slice(0, 10) > '{everything[0]}'")
    dragged = dates(shown)
    assert dragged[1] < everything[1]
    shown.evaluate(f"{PLOT}.focus()")
    shown.key("+")
    nearer = dates(shown)
    assert dragged[0] < nearer[0] < nearer[1] < dragged[1]
    shown.key("Escape")
    shown.until(f"{PLOT}._fullLayout.xaxis.autorange === true")
    clean(shown)


def place(shown: Browser) -> dict[str, float]:
    """Where the curves of the first chart are in the window."""
    shown.evaluate("document.getElementById('chart-test').scrollIntoView({behavior: 'instant'})")
    found: dict[str, float] = shown.evaluate(
        f"(({{left, top, width, height}}) => ({{left, top, width, height}}))"
        f"({PLOT}.querySelector('.nsewdrag').getBoundingClientRect())"
    )
    return found


def it_tells_what_the_mouse_or_a_key_points_at(shown: Browser) -> None:
    box = place(shown)
    shown.mouse("Moved", box["left"] + 0.5 * box["width"], box["top"] + 0.5 * box["height"])
    shown.until(f"{PLOT}.querySelector('.hoverlayer .hovertext, .hoverlayer .legend')")
    told = shown.evaluate(f"{PLOT}.querySelector('.hoverlayer').textContent")
    assert re.search(r"\d{1,2} \w{3} 201\d", told)
    assert re.search(r"80 % range : [\d.]+ to [\d.]+", told)
    assert re.search(r"Close : [\d.]+", told)
    shown.evaluate(f"{PLOT}.focus()")
    shown.key("ArrowRight")
    shown.key("ArrowRight")
    said = shown.evaluate("document.querySelector('#chart-test .reading').textContent")
    assert re.fullmatch(
        r"201\d-\d\d-\d\d: 95 % range [\d.]+ \u2013 [\d.]+, 80 % range [\d.]+ \u2013 [\d.]+,"
        r" Median [\d.]+, Close [\d.]+",
        said,
    )
    clean(shown)


def another_symbol_can_be_chosen_and_names_stay_text(shown: Browser) -> None:
    options = "[...document.querySelectorAll('#chart-test option')].map((o) => o.textContent)"
    assert shown.evaluate(options) == [HARM, "ABC"]
    names = (
        "[...document.querySelectorAll('#chart-importance .ytick text')].map((t) => t.textContent)"
    )
    assert {HARM, BOLD} <= set(shown.evaluate(names))
    shown.evaluate("document.querySelector('#chart-test details').open = true")
    cell = "document.querySelector('#chart-test .made caption')?.textContent"
    assert shown.until(cell).startswith(HARM)
    rows = "document.querySelectorAll('#chart-test .made tbody tr').length"
    assert shown.evaluate(rows) == 400
    shown.evaluate(
        "const choice = document.querySelector('#chart-test select');"
        "choice.value = '1'; choice.dispatchEvent(new Event('change'))"
    )
    shown.until(f"{cell}.startsWith('ABC')")
    assert shown.evaluate(f"{PLOT}.data[0].x.length") == 400
    told = shown.evaluate("document.getElementById('summary-test').textContent")
    assert told.startswith("ABC: 400 forecasts from ")
    clean(shown)


A4 = 717
"""Width of a page of A4 between the margins that Chromium leaves, in CSS pixels."""


def it_prints_in_light_colours(shown: Browser) -> None:
    shown.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert shown.evaluate("document.documentElement.dataset.theme") == "light"
    shown.call("Emulation.setEmulatedMedia", media="print")
    hidden = "getComputedStyle(document.querySelector('nav')).display"
    assert shown.evaluate(hidden) == "none"
    shown.call(
        "Emulation.setDeviceMetricsOverride",
        width=A4,
        height=1000,
        deviceScaleFactor=1,
        mobile=False,
    )
    wide = "[...document.querySelectorAll('table')].map(t => t.getBoundingClientRect().right)"
    assert max(shown.evaluate(wide)) <= A4
    shown.call("Emulation.setEmulatedMedia", media="")
    shown.evaluate("window.dispatchEvent(new Event('afterprint'))")
    clean(shown)


def nothing_but_layout_is_without_a_name(shown: Browser) -> None:
    """What a screen reader is told of: each chart, control and image, and headings in order."""
    shown.call("Accessibility.enable")
    nodes = shown.call("Accessibility.getFullAXTree")["nodes"]
    told = [
        (node["role"]["value"], node["name"]["value"])
        for node in nodes
        if not node["ignored"] and "name" in node
    ]
    for role in ("image", "figure", "button", "link", "region", "table", "DisclosureTriangle"):
        assert "" not in [name for kind, name in told if kind == role], role
    charts = [name for role, name in told if role == "figure"]
    tables = [name for role, name in told if role == "DisclosureTriangle"]
    assert charts
    assert tables == [f"Table: {name}" for name in charts]
    levels = shown.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def no_grid_hides_what_a_range_states(shown: Browser) -> None:
    count = "document.querySelectorAll('#chart-coverage {}').length"
    assert shown.evaluate(count.format("path[data-index]")) == 4
    assert shown.evaluate(count.format(".xgrid")) == 0
    assert shown.evaluate(count.format(".ygrid")) > 0
