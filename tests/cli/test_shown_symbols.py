"""The tables of an evaluation of hundreds of symbols: all of a few, the best and worst of many."""

import io
import math
from dataclasses import replace

import pytest
from rich.console import Console
from support.simulated import bars_from_returns, constant_t, garch_returns, predict

from lstmcast.cli.detail_tables import detail_tables
from lstmcast.cli.report_tables import report_tables
from lstmcast.cli.shown_symbols import EXTREMES, MOST, shown_symbols
from lstmcast.evaluation import Report, evaluate
from lstmcast.evaluation.scores import ByHorizon

FIRST = 500


@pytest.fixture(scope="module")
def one() -> Report:
    bars = {"X": bars_from_returns(garch_returns(1, 700)[0])}
    return evaluate(predict(bars, FIRST, {"X": constant_t(200, 2)}), bars, baselines=["ewma"])


def many(one: Report, count: int, best: str | None = "ewma") -> Report:
    """As many symbols, of which each has a loss 1 % larger than the one before; in mixed order."""
    names = {f"S{7 * k % count:03d}": 1 + 0.01 * (7 * k % count) for k in range(count)}

    def of_all(name: str) -> dict[str, ByHorizon]:
        scores = one.forecasters[name].symbols["X"]
        grows = name == "model"
        return {
            symbol: {
                h: replace(s, crps=s.crps * (factor if grows else 1), rmse_ratio=factor)
                for h, s in scores.items()
            }
            for symbol, factor in names.items()
        }

    diagnostics = one.forecasters["model"].diagnostics
    assert diagnostics is not None
    told = replace(diagnostics, tail=dict.fromkeys(names, diagnostics.tail["X"]))
    parts = {name: replace(part, symbols=of_all(name)) for name, part in one.forecasters.items()}
    parts["model"] = replace(parts["model"], diagnostics=told)
    return replace(
        one,
        rows=dict.fromkeys(names, one.rows["X"]),
        points=dict.fromkeys(names, one.points["X"]),
        forecasters=parts,
        verdict=replace(one.verdict, best_baseline=best),
    )


@pytest.mark.parametrize("best", ["ewma", None])
def test_of_many_symbols_the_best_and_the_worst_are_shown(one: Report, best: str | None) -> None:
    shown, which = shown_symbols(many(one, 60, best))
    extremes = [*range(EXTREMES), *range(60 - EXTREMES, 60)]
    assert shown == [f"S{k:03d}" for k in extremes]
    measure = "gain" if best else "price error"
    assert which == (
        f"the 10 symbols with the best and with the worst {measure} of 60; metrics.json has all"
    )


def test_a_symbol_that_nothing_is_known_of_is_not_among_the_worst(one: Report) -> None:
    report = many(one, 60)
    short = replace(report.rows["S059"], count=20)
    unknown = report.forecasters["model"].symbols["S058"]
    report.forecasters["model"].symbols["S058"] = {
        h: replace(scores, crps=math.nan) for h, scores in unknown.items()
    }
    shown, _ = shown_symbols(replace(report, rows={**report.rows, "S059": short}))
    assert shown[-1] == "S057"
    assert len(shown) == 2 * EXTREMES


def test_all_of_a_few_are_shown_in_their_order(one: Report) -> None:
    report = many(one, MOST)
    assert shown_symbols(report) == (list(report.rows), "")


@pytest.mark.parametrize(("count", "lines"), [(MOST, MOST), (500, 2 * EXTREMES)])
def test_every_table_of_symbols_has_the_same_ones(one: Report, count: int, lines: int) -> None:
    report = many(one, count)
    found = {}
    for table in (*report_tables(report, "once"), *detail_tables(report)):
        screen = Console(file=io.StringIO(), width=160)
        with screen.capture() as shown:
            screen.print(table)
        words = shown.get().split()
        if rows := sum(word in report.rows for word in words):
            said = "metrics.json has all" in " ".join(words)
            found[str(table.title).partition(":")[0]] = (rows, said)
    cut = lines < count
    assert found == {
        "By symbol, against EWMA(0.94)-t": (lines, cut),
        "What the median knows": (lines, cut),
        "Value at risk": (2 * lines, cut),
    }
