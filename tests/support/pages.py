"""A report of made-up findings, with every part that one can have, and text that means harm."""

from functools import lru_cache

import numpy as np
import pandas as pd

from lstmcast.evaluation.coverage import pit_shares
from lstmcast.evaluation.evaluator import assemble
from lstmcast.evaluation.report import Report
from lstmcast.explain import Effect, GateTrace, Importance
from lstmcast.report import (
    Page,
    Section,
    configuration_section,
    coverage_section,
    data_section,
    fan_section,
    forecasts_section,
    gates_chart,
    headline,
    importance_charts,
    learning_section,
    scores_section,
)
from support.charts import fan_table, world

HARM = "<script>document.title='harmed'</script>"
"""What a name may be, and must stay."""

BOLD = "<b>range</b>"
"""Which plotly.js would take for markup."""

MARKUP = "<img src=x onerror=\"document.title='harmed'\">"


def trace(symbol: str, rows: int = 250, units: int = 8) -> GateTrace:
    random = np.random.default_rng(0)
    gates = random.uniform(size=(3, rows, units))
    return GateTrace(
        symbol=symbol,
        dates=pd.bdate_range("2012-01-02", periods=rows),
        closes=50 * np.exp(np.cumsum(0.01 * random.standard_normal(rows))),
        forget=gates[0],
        input=gates[1],
        output=gates[2],
        memory=random.standard_normal((rows, units)),
        hidden=random.standard_normal((rows, units)),
        layer=1,
        layers=1,
        difference=0.0,
    )


def worth(networks: int = 3) -> Importance:
    random = np.random.default_rng(1)
    names = [("group", HARM), ("group", BOLD), *(("column", f"column_{k}") for k in range(14))]
    effects = []
    for k, (kind, name) in enumerate(names):
        sizes = tuple(float(x) for x in random.uniform(0.5, 1.5, networks) / (1 + k))
        effects.append(Effect(name, "group" if kind == "group" else "column", sizes, sizes[::-1]))
    day = pd.Timestamp("2012-01-02")
    return Importance(tuple(effects), (1.0,) * networks, 500, day, day + pd.Timedelta(days=700))


def losses() -> pd.DataFrame:
    rows = [
        {
            "member": member,
            "epoch": epoch,
            "train_loss": 2 + np.exp(-epoch / 4),
            "validation_loss": 1.8 + np.exp(-epoch / 3) + 0.003 * (epoch - 7) ** 2,
            "learning_rate": 1e-3,
            "seconds": 0.1,
        }
        for member in range(2)
        for epoch in range(12)
    ]
    return pd.DataFrame(rows)


def evaluated(
    symbols: tuple[str, ...], rows: int = 400
) -> tuple[Report, pd.DataFrame, pd.DataFrame]:
    """A report on two forecasters of some symbols, the table, and closes of the first."""
    made = {symbol: world(rows, horizons=2, symbol=symbol) for symbol in symbols}
    table = pd.concat([part.predictions for part in made.values()], ignore_index=True)
    bars = {symbol: part.closes.to_frame("close") for symbol, part in made.items()}
    other = table.copy()
    quantiles = [name for name in table.columns if name.startswith("q")]
    other[quantiles] = 1.2 * other[quantiles]
    other["log_density"] = other["log_density"] - 0.1
    report = assemble(
        {"model": table, "random_walk": other},
        {"model": "LSTM", "random_walk": "random walk"},
        bars,
    )
    return report, table, pd.DataFrame({symbol: part.closes for symbol, part in made.items()})


@lru_cache
def page(symbols: tuple[str, ...] = (HARM, "ABC"), name: str = MARKUP) -> Page:
    """Every section, for symbols and a run whose names are to stay text."""
    report, table, closes = evaluated(symbols)
    verdict, findings, tiles = headline(report)
    money: dict[str, str | None] = dict.fromkeys(symbols, "USD")
    fans = {symbol: fan_table(closes[symbol].dropna(), 10) for symbol in symbols}
    for fan in fans.values():
        fan["assumed"], fan["chance_up"] = False, 0.5
    lags = pd.DataFrame({HARM: 0.5 ** np.arange(30.0), "range": 0.3 ** np.arange(30.0)})
    lags.index.name = "lag"
    horizon = report.horizons[0]
    coverage = coverage_section(report.ranges, report.yearly, pit_shares(table, horizon), horizon)
    assert coverage is not None
    prices = {
        "symbol": symbols[0], "source": "csv", "rows": 1400, "first": "2010-01-04",
        "last": "2015-05-15", "sha256": "0" * 64,
    }  # fmt: skip
    return Page(
        title=", ".join(symbols),
        kind="run",
        name=name,
        facts=["Made 2026-01-05"],
        verdict=verdict,
        findings=findings,
        tiles=tiles,
        sections=[
            forecasts_section(table, symbols, horizon, money),
            fan_section({symbol: closes[symbol].dropna() for symbol in symbols}, fans, money, {}),
            coverage,
            scores_section(report, "fitted once"),
            learning_section(losses(), [(HARM, "LSTMCell", "3 -> 4", 100)]),
            Section(
                "inside",
                "Inside the network",
                "Inside",
                charts=[
                    gates_chart([(trace(symbol), [3, 1]) for symbol in symbols]),
                    *importance_charts(worth(), lags),
                ],
            ),
            data_section([prices], {}, {"train_end": "2012-01-02"}, [(HARM, "warning", HARM)]),
            configuration_section(["lstmcast train"], f"name: {HARM}\n# </code>", [("seed", "0")]),
        ],
        notes=[HARM],
    )
