"""The page as text: whole, small enough, closed to everything outside, and nothing but text."""

import base64
import hashlib
import json
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from support.pages import HARM, MARKUP, evaluated, page, worth

from lstmcast.errors import OutputError
from lstmcast.report import (
    coverage_section,
    data_section,
    forecasts_section,
    headline,
    importance_charts,
    render,
    scores_section,
)
from lstmcast.report.content import figure
from lstmcast.report.page import MAX_BYTES


class Elements(HTMLParser):
    """Every element of a page with its attributes, and the text of some."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, list[str]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found:
            self.text.setdefault(self.found[-1][0], []).append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture(scope="module")
def html() -> str:
    return render(page(), "window.Plotly = {};").decode()


@pytest.fixture(scope="module")
def elements(html: str) -> Elements:
    found = Elements()
    found.feed(html)
    return found


def test_the_policy_lets_nothing_run_but_the_scripts_inside(html: str, elements: Elements) -> None:
    policy = next(
        str(part["content"])
        for part in elements.all("meta")
        if part.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in policy
    assert "connect-src 'none'" in policy
    allowed = set(re.findall(r"'(sha256-[^']+)'", policy))
    scripts = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
    hashes = {
        f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
        for text in scripts
    }
    assert len(scripts) == 2
    assert hashes == allowed
    assert "unsafe-inline" not in policy.split("style-src")[0]


def test_nothing_is_loaded_from_elsewhere(elements: Elements) -> None:
    for tag, attributes in elements.found:
        for name, value in attributes.items():
            assert name not in {"src", "srcset", "background", "data", "action", "ping"}, tag
            assert not name.startswith("on"), (tag, name)
            if name == "href":
                assert str(value).startswith("#")
    assert {"link", "iframe", "object", "embed", "base", "form"}.isdisjoint(
        tag for tag, _ in elements.found
    )


def test_names_stay_text(html: str, elements: Elements) -> None:
    assert HARM not in html
    assert MARKUP not in html
    assert elements.all("img") == []
    assert len(elements.all("script")) == 3  # the data, plotly.js, the page's own
    assert any(HARM in part for part in elements.text["h1"])
    data = next(part for part in elements.text["script"] if part.startswith('{"test"'))
    charts = json.loads(data)
    assert charts["test"]["variants"][0]["name"] == HARM
    assert "<" not in data


def test_every_chart_has_a_title_a_summary_and_a_table(html: str) -> None:
    figures = re.findall(r"<figure.*?</figure>", html, flags=re.DOTALL)
    assert len(figures) == 9
    for drawn in figures:
        name = re.search(r'data-chart="([^"]+)"', drawn)
        assert name is not None
        assert f'id="title-{name[1]}"' in drawn
        assert f'id="summary-{name[1]}"' in drawn
        assert "<details" in drawn
        assert "<table" in drawn or 'class="made"' in drawn
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))


def test_headings_go_down_one_by_one(elements: Elements) -> None:
    levels = [int(tag[1]) for tag, _ in elements.found if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - level <= 1 for level, later in pairwise(levels))


def test_the_same_findings_make_the_same_bytes() -> None:
    assert render(page(), "1") == render(page(), "1")


def test_what_is_drawn_is_what_was_forecast() -> None:
    _, table, _ = evaluated(("ABC",))
    section = forecasts_section(table, ["ABC"], 1, {"ABC": "USD"})
    (variant,) = section.charts[0].variants
    rows = table[table["horizon"] == 1]
    band = next(dict(trace) for trace in variant.traces if trace.get("band") == "80 % range")
    low = rows["close_origin"] * np.exp(rows["q10"])
    np.testing.assert_allclose(band["low"], low, atol=0.006)
    close = next(trace for trace in variant.traces if trace.get("name") == "Close")
    np.testing.assert_allclose(close["y"], rows["close_actual"], atol=0.006)
    assert list(variant.x) == [f"{date:%Y-%m-%d}" for date in rows["date"]]
    outside = next(trace for trace in variant.traces if trace.get("name") == "Outside")
    missed = ((rows["return_actual"] < rows["q025"]) | (rows["return_actual"] > rows["q975"])).sum()
    assert sum(value is not None for value in outside["y"]) == missed
    assert f"{missed} of 400 closes fell outside" in section.charts[0].summary


def test_coverage_is_that_of_the_report() -> None:
    report, _, _ = evaluated(("ABC",))
    section = coverage_section(report.ranges, report.yearly, [], 1)
    assert section is not None
    (chart,) = section.charts
    for trace in chart.variants[0].traces:
        nominal = int(str(trace["name"]).split()[0])
        expected = [
            round(100 * check.coverage, 2)
            for check in (*report.ranges, *report.yearly)
            if check.horizon == 1 and check.nominal == nominal
        ]
        assert trace["x"] == expected
    assert coverage_section([], [], [], 1) is None


def test_importance_is_in_the_table_too() -> None:
    found = worth()
    chart = importance_charts(found, None)[0]
    assert chart.table is not None
    assert [row[0] for row in chart.table.rows] == [effect.name for effect in found.effects]


class Hidden:
    """Keeps a package from being found, as some installers' hooks do."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "plotly":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@pytest.mark.parametrize("how", ["not installed", "hidden", "blocked"])
def test_plotly_that_is_missing_is_told(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if how == "not installed":
        monkeypatch.setattr("lstmcast.report.page.find_spec", lambda _: None)
    elif how == "hidden":
        monkeypatch.setattr(sys, "meta_path", [Hidden(), *sys.meta_path])
        monkeypatch.delitem(sys.modules, "plotly", raising=False)
    else:
        monkeypatch.setitem(sys.modules, "plotly", ModuleType("plotly"))
    with pytest.raises(OutputError, match="needs plotly, which is not installed") as caught:
        render(page())
    assert caught.value.hint == "run `pip install 'lstmcast[report]'`"


def test_a_page_that_would_be_too_large_is_refused() -> None:
    with pytest.raises(OutputError, match=r"would have 6\.\d MB, and may have 6"):
        render(page(), "x" * MAX_BYTES)


@pytest.mark.parametrize(
    ("count", "notes"),
    [
        (100, [(), ()]),
        (
            2500,
            [("2400 more symbols are in run.json",), ("`lstmcast data check` tells 2400 more",)],
        ),
    ],
)
def test_of_thousands_of_symbols_tables_name_the_first(
    count: int, notes: list[tuple[str, ...]]
) -> None:
    facts = {"source": "csv", "rows": 5000, "first": "2005", "last": "2024", "sha256": "0" * 64}
    names = [f"S{k:04d}" for k in range(count)]
    prices, checks = data_section(
        [{"symbol": name, **facts} for name in names],
        {},
        {},
        [(name, "warning", "gap") for name in names],
    ).tables
    for table, told in zip((prices, checks), notes, strict=True):
        assert [row[0] for row in table.rows] == names[:100]
        assert tuple(table.notes) == told


def test_what_stands_in_backticks_is_set_as_code() -> None:
    shown = render(replace(page(), findings=["a `<b>` c", "1 ` 2", "`x` and `y"]), "1").decode()
    assert "<li>a <code>&lt;b&gt;</code> c</li>" in shown
    assert "<li>1 ` 2</li>" in shown
    assert "<li><code>x</code> and `y</li>" in shown


def test_a_figure_of_nothing_has_no_sign() -> None:
    assert figure(-1e-9, 2, sign=True) == "0.00"
    assert figure(-0.004, 1) == "0.0"
    assert figure(-1.25, 1, sign=True) == "\N{MINUS SIGN}1.2"
    assert figure(0.5, 2, sign=True) == "+0.50"
    assert figure(float("nan"), 2) == "\N{EN DASH}"


def test_the_tile_of_the_best_baseline_claims_no_more_than_the_test() -> None:
    report, _, _ = evaluated(("ABC",))
    found = report.comparisons["random_walk"][1]
    assert found.crps is not None
    cases = {
        0.2: "no measurable difference, p = 0.2",
        0.01: "better than the best baseline, p = 0.01",
    }
    for p, words in cases.items():
        test = replace(found.crps, p_value=p)
        changed = replace(found, skill=0.02, crps=test)
        tiles = headline(replace(report, comparisons={"random_walk": {1: changed}}))[2]
        (tile,) = [tile for tile in tiles if tile.label.startswith("CRPS")]
        assert (tile.value, tile.note) == ("2.00 % lower", words)


def test_the_chart_of_gains_colours_what_the_test_found() -> None:
    report, _, _ = evaluated(("ABC",))
    found = report.comparisons["random_walk"][1]
    assert found.crps is not None
    for skill, p, tone, words in (
        (0.02, 0.01, "--good", "2.00 % lower (better)"),
        (-0.02, 0.01, "--bad", "2.00 % higher (worse)"),
        (0.02, 0.2, "--muted", "2.00 % lower (no measurable difference)"),
    ):
        test = replace(found.crps, p_value=p, mean=-skill)
        changed = replace(found, skill=skill, crps=test)
        section = scores_section(
            replace(report, comparisons={"random_walk": {1: changed}}), "fitted once"
        )
        (chart,) = section.charts
        assert chart.summary.endswith(f"random walk: CRPS of LSTM is {words}.")
        assert chart.variants[0].traces[0]["marker"]["color"] == [tone]


def test_characters_that_act_where_they_are_shown_are_spelled_out(tmp_path: Path) -> None:
    text = render(replace(page(), title="A\N{RIGHT-TO-LEFT OVERRIDE}B\x1bC"), "1").decode()
    assert "A\\u202eB\\x1bC" in text
