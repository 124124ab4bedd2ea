"""The network without LSTM units, and the pretrained one without fitting, as baselines."""

import pickle
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import expit, gammaln
from support.elsewhere import Elsewhere
from support.experiments import small
from support.histories import altered_after, as_history, simulated_bars
from support.simulated import bars_from_returns, constant_t, garch_returns, predict

from lstmcast import parallel, shelf
from lstmcast.baselines import (
    BASELINES,
    BaselineContext,
    BaselineInputs,
    BaselineResult,
    Refit,
    baseline_context,
    baseline_members,
    baseline_tables,
    linear,
    runner,
)
from lstmcast.baselines.base import PooledInputs, SymbolSource
from lstmcast.baselines.calibrated import CALIBRATION_SESSIONS
from lstmcast.baselines.network_inputs import network_inputs
from lstmcast.baselines.refit import pooled_fit_dates
from lstmcast.baselines.student_t import MIN_ROWS
from lstmcast.calibration import CalibrationSeries, calibrate
from lstmcast.config import Experiment
from lstmcast.dataset import Scaler, Scaling, build_inputs
from lstmcast.distributions import StudentTMixture
from lstmcast.errors import ConfigError
from lstmcast.features import Bars, build_matrices
from lstmcast.nn.heads.student_t import FIRST_DF, log_width_of_unit_deviation, raw_of_df
from lstmcast.parallel import using
from lstmcast.pretraining.weights import shipped
from lstmcast.prices.history import PriceHistory
from lstmcast.training import resolve_experiment
from lstmcast.training.builder import NEW
from lstmcast.training.forecaster import BURN_IN, TRACKED
from lstmcast.training.group import Group, new_network
from lstmcast.training.linear import LinearModel, fit_linear
from lstmcast.training.symbol_inputs import Reading, SymbolInputs
from lstmcast.training.zero_shot import zero_shot_forecasts

FIRST = pd.Timestamp("2002-10-01")
"""The first origin is the last session before it."""

BOTH = ("linear", "pretrained")

FEW = "features=[returns]"
"""A dozen columns to fit to are not needed where forecasts are compared with each other."""


def pool() -> list[PriceHistory]:
    """Three symbols: one from later on and not to the end, one with a month missing."""
    whole = simulated_bars(1, 560)
    late = simulated_bars(2, 350, first="2001-09-03")
    gap = simulated_bars(3, 560).drop(pd.bdate_range("2002-06-03", "2002-06-28"))
    names = ("AAA", "BBB", "CCC")
    return [as_history(bars, name) for name, bars in zip(names, (whole, late, gap), strict=True)]


def asked(
    histories: Sequence[PriceHistory],
    names: Sequence[str] = BOTH,
    refit: Refit = "never",
    *overrides: str,
) -> tuple[dict[str, BaselineResult[pd.DataFrame]], tuple[str, ...], pd.DataFrame]:
    """The tables of some baselines over the rows from `FIRST` on, the notes, and the rows."""
    symbols = ", ".join(history.symbol for history in histories)
    experiment = resolve_experiment(small(f"data.symbols=[{symbols}]", *overrides), histories)
    features = own_features(experiment, histories)
    bars = {history.symbol: history.adjusted() for history in histories}
    first = {name: int(frame.index.searchsorted(FIRST)) - 1 for name, frame in bars.items()}
    table = pd.concat(
        [
            predict({name: frame}, first[name], {name: constant_t(len(frame) - first[name] - 1, 2)})
            for name, frame in bars.items()
        ],
        ignore_index=True,
    )
    tables, notes = baseline_tables(
        [BASELINES[name] for name in names],
        table,
        bars,
        features=features,
        context=baseline_context(experiment, histories, names, features),
        refit=refit,
        jobs=1,
    )
    return tables, notes, table


def own_features(
    experiment: Experiment, histories: Sequence[PriceHistory]
) -> dict[str, pd.DataFrame]:
    matrices = build_matrices(histories, experiment.features or ())
    return {symbol: matrix.table for symbol, matrix in matrices.items()}


# --- the fit -------------------------------------------------------------------------------------


def columns(rows: int = 700) -> tuple[SymbolInputs, np.ndarray]:
    """A GARCH symbol that reads its true volatility in its unit, noise, and its last return."""
    returns, volatility = garch_returns(4, rows)
    bars = bars_from_returns(returns)
    noise = np.random.default_rng(0).normal(size=rows + 1)
    scale = Bars(bars).scale.to_numpy()
    knows = np.log(np.append(volatility, volatility[-1]) / scale)
    last = np.append(0.0, returns) / 0.01
    inputs = BaselineInputs(
        "S0", bars, 500, np.arange(499, rows), 1, np.column_stack([knows, noise, last])
    )
    return network_inputs(inputs, inputs.features), volatility


def fitted_by_hand(reading: SymbolInputs, stop: int) -> StudentTMixture:
    """The same model in double precision, by scipy with numerical gradients, one horizon."""
    first = reading.begins
    x = reading.features[first:stop]
    x = (reading.features - x.mean(axis=0)) / x.std(axis=0)
    scale = 100 * reading.scale
    y = 100 * np.diff(np.log(reading.closes), append=np.nan)
    rows = np.arange(first, stop - 1)
    near = np.array([NEW.location, 1.0, 1.0])
    start = np.zeros((3, x.shape[1] + 1))
    start[2, -1] = raw_of_df(FIRST_DF)
    prior = NEW.at(len(rows))
    deviation = np.full(start.shape, prior.features)
    deviation[:, -1] = prior.bias
    deviation *= near[:, None]

    def parts(flat: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        w = flat.reshape(start.shape)
        drift, width, tail = (x[at] @ w[:, :-1].T + w[:, -1]).T
        df = 2.5 + 47.5 * expit(tail)
        shape = 1 / (1 + 1.25 / df + 3 / df**2)
        spread = scale[at] * np.exp(3 * np.tanh(width / 3) + log_width_of_unit_deviation(FIRST_DF))
        return df, 0.1 * scale[at] * drift, spread * shape

    def objective(flat: np.ndarray) -> float:
        df, loc, spread = parts(flat, rows)
        z = (y[rows] - loc) / spread
        log_density = (
            gammaln((df + 1) / 2)
            - gammaln(df / 2)
            - 0.5 * np.log(np.pi * df)
            - np.log(spread)
            - (df + 1) / 2 * np.log1p(z**2 / df)
        )
        pull = (((flat.reshape(start.shape) - start) / deviation) ** 2).sum() / (2 * len(rows))
        return float(pull - log_density.mean())

    best = minimize(objective, start.ravel(), method="BFGS", options={"gtol": 1e-6}).x
    df, loc, spread = parts(best, np.arange(stop - 1, len(x)))
    arrays = (values[None, :, None] for values in (df, loc / 100, spread / 100))
    return StudentTMixture(*arrays)


def test_it_is_the_maximum_of_the_penalised_likelihood() -> None:
    """To 1 % of the ranges: L-BFGS in single precision stops where the loss hardly changes."""
    reading, _ = columns()
    ours = fit_linear([reading], [500], 1).forecast(reading, 499, len(reading.closes))
    theirs = fitted_by_hand(reading, 500)
    np.testing.assert_allclose(ours.df, theirs.df, rtol=0.05)
    levels = (0.025, 0.1, 0.5, 0.9, 0.975)
    width = theirs.scale[0]
    difference = (ours.quantiles(levels) - theirs.quantiles(levels)) / width[..., None]
    np.testing.assert_allclose(difference, 0.0, atol=0.01)


def test_it_finds_what_a_column_of_the_users_own_knows() -> None:
    reading, volatility = columns()
    model = fit_linear([reading], [500], 1)
    found = model.forecast(reading, 499, len(reading.closes) - 1)
    without = replace(reading, features=reading.features[:, 1:])
    blind = fit_linear([without], [500], 1).forecast(without, 499, len(reading.closes) - 1)
    near, far = (
        np.corrcoef(np.log(part.scale[0, :, 0]), np.log(volatility[499:]))[0, 1]
        for part in (found, blind)
    )
    assert near > 0.95
    assert far < 0.8


def test_the_fit_sees_no_row_from_its_end_on() -> None:
    reading, _ = columns()
    altered = replace(
        reading,
        features=np.where(np.arange(len(reading.closes)) < 500, 1.0, 50.0)[:, None]
        * reading.features,
        closes=np.where(np.arange(len(reading.closes)) < 500, 1.0, 3.0) * reading.closes,
    )
    one, other = (fit_linear([each], [500], 3) for each in (reading, altered))
    assert all(torch.equal(a, b) for a, b in zip(state(one), state(other), strict=True))
    again = fit_linear([altered], [501], 3)
    assert not torch.equal(state(one)[0], state(again)[0])


def state(model: LinearModel) -> list[torch.Tensor]:
    return [model.head.weight, model.head.bias]


def test_a_fit_that_begins_with_an_earlier_one_ends_at_the_same_place() -> None:
    reading, _ = columns()
    fresh = fit_linear([reading], [650], 2)
    kept = fit_linear([reading.kept(lambda: reading.features)], [650], 2)
    assert all(map(torch.equal, kept.head.parameters(), fresh.head.parameters()))
    begun = fit_linear([reading], [650], 2, fit_linear([reading], [500], 2))
    a, b = (model.forecast(reading, 649, 700).scale for model in (fresh, begun))
    np.testing.assert_allclose(a, b, rtol=0.01)


# --- pools ---------------------------------------------------------------------------------------


def test_both_forecast_pools_of_unlike_symbols_on_the_same_rows() -> None:
    tables, notes, table = asked(pool(), ("ewma", *BOTH))
    assert notes == ()
    keys = ["symbol", "origin", "horizon", "return_actual"]
    for name in BOTH:
        found = tables[name].table
        pd.testing.assert_frame_equal(found[keys], table[keys])
        assert found.notna().all().all()
        held = found["return_actual"].between(found["q10"], found["q90"]).mean()
        assert 0.65 < held < 0.92


def test_neither_knows_what_came_after_an_origin() -> None:
    histories, last = pool()[1:], pd.Timestamp("2003-01-10")
    altered = [altered_after(history, last, k) for k, history in enumerate(histories)]
    (one, _, rows), (other, _, _) = (
        asked(each, BOTH, "quarterly", FEW) for each in (histories, altered)
    )
    early = (rows["origin"] <= last).to_numpy()
    for name in BOTH:
        a, b = (found[name].table[["q05", "q50", "q95"]].to_numpy() for found in (one, other))
        np.testing.assert_array_equal(a[early], b[early])
        assert not np.any(a[~early] == b[~early])


def test_the_linear_model_is_fitted_again_and_the_pretrained_networks_are_not() -> None:
    once, again = (asked(pool()[2:], BOTH, refit, FEW)[0] for refit in ("never", "yearly"))
    dates = once["linear"].table["date"]
    later = (dates > "2003-01-31").to_numpy()
    a, b = (found["linear"].table["q05"].to_numpy() for found in (once, again))
    before = (dates < "2002-12-20").to_numpy()
    np.testing.assert_array_equal(a[before], b[before])
    assert np.mean(a[later] == b[later]) < 0.05
    a, b = (found["pretrained"].table["q05"].to_numpy() for found in (once, again))
    np.testing.assert_array_equal(a, b)


def test_a_symbol_with_too_few_rows_has_ewma_and_takes_nothing_from_the_others() -> None:
    histories = pool()
    # Another, listed when the part through which ranges are followed has begun, is no such one.
    late = as_history(histories[1].bars.loc["2002-05-20":], "CCC")
    short = as_history(histories[1].bars.loc["2002-07-08":], "BBB")
    tables, notes, _ = asked([histories[0], short, late], ("ewma", "linear"), "never", FEW)
    (note,) = notes
    assert note == (
        "linear, calibrated: replaced by EWMA(0.94)-t for 1 of 3 symbols (BBB has 19 rows with "
        f"features to fit before the test period; the linear model needs {MIN_ROWS})"
    )
    ewma, linear = (tables[name].table for name in tables)
    same = (ewma["q05"] == linear["q05"]).groupby(ewma["symbol"]).mean()
    assert same.to_dict() == {"AAA": 0.0, "BBB": 1.0, "CCC": 0.0}
    # Its few rows are not fitted to: the others forecast what they do without it.
    without = asked([histories[0], late], ("linear",), "never", FEW)[0]["linear"].table
    others = linear[linear["symbol"] != "BBB"].reset_index(drop=True)
    pd.testing.assert_frame_equal(others, without, check_exact=True)


def test_cuts_come_before_the_earliest_origin_of_each_period() -> None:
    histories = pool()
    parts = []
    for history in histories:
        sessions = pd.DatetimeIndex(history.bars.index)
        first = int(sessions.searchsorted(FIRST)) - 1
        origins = np.arange(first, len(sessions) - 1)
        parts.append(BaselineInputs(history.symbol, history.adjusted(), first + 1, origins, 1))
    start = FIRST - pd.Timedelta(days=1)
    assert pooled_fit_dates(parts, "never") == [start]
    later = replace(parts[0], origins=parts[0].origins[40:], fit_rows=parts[0].fit_rows + 40)
    expected = [start, pd.Timestamp("2002-12-31")]
    assert pooled_fit_dates([later, *parts[1:]], "quarterly") == expected
    assert pooled_fit_dates([later], "yearly")[1:] == expected[1:]


# --- the pretrained networks ---------------------------------------------------------------------


def test_they_say_what_a_run_that_begins_with_them_says() -> None:
    """A group of untrained networks, each begun as a pretrained one, forecasts the same."""
    (history, *_) = pool()
    experiment = resolve_experiment(
        small("model.hidden_size=64", "model.start=pretrained"), [history]
    )
    experiment = experiment.model_copy(
        update={"model": experiment.model.model_copy(update={"dropout": 0.0})}
    )
    matrices = build_matrices([history], experiment.features or ())
    names = tuple(str(name) for name in matrices["AAA"].table.columns)
    scaling = Scaling(names, {"AAA": Scaler(*shipped().scaling(names))}, "log_return")
    second = {name: value + 0.01 for name, value in shipped().states[0].items()}
    pretrained = replace(shipped(), states=(shipped().states[0], second))
    networks = []
    for number in range(2):
        network = new_network(experiment, len(names), seed=0)
        pretrained.begin(network, number, names, experiment.features or ())
        networks.append(network.eval())
    inputs = build_inputs(dict(matrices), scaling)
    rows = np.arange(300, 400)
    expected = Group(experiment, scaling, networks).forecast(inputs, {"AAA": rows})["AAA"]
    given = BaselineInputs("AAA", history.adjusted(), 300, rows, 3)
    features = matrices["AAA"].table.reindex(history.bars.index).to_numpy()
    begins = len(history) - len(matrices["AAA"].table)
    (found,) = zero_shot_forecasts(
        [network_inputs(given, features)],
        names,
        experiment.features or (),
        3,
        [300 + begins],
        pretrained,
    )
    for k, single in enumerate(expected):
        assert isinstance(single, StudentTMixture)
        for name in ("df", "loc", "scale"):
            np.testing.assert_allclose(
                getattr(found, name)[k, :100], getattr(single, name)[0], rtol=1e-4, atol=1e-9
            )


def test_they_read_the_default_features_whatever_the_run_reads() -> None:
    histories = pool()[:1]
    plain, wide = (asked(histories, BOTH, "never", *o)[0] for o in ((), ("features=[returns]",)))
    a, b = (found["pretrained"].table["q05"].to_numpy() for found in (plain, wide))
    np.testing.assert_array_equal(a, b)
    other = [found["linear"].table["q05"] for found in (plain, wide)]
    assert not np.any(other[0].to_numpy() == other[1].to_numpy())


def test_their_ranges_are_followed_as_those_of_a_run() -> None:
    histories = pool()[:1]
    tables, _, rows = asked(histories, ("pretrained",))
    bars = histories[0].adjusted()
    experiment = resolve_experiment(small(), histories)
    table = own_features(experiment, histories)["AAA"]
    origin = int(bars.index.searchsorted(FIRST)) - 1
    sessions = pd.DatetimeIndex(bars.index)
    tracked = int(sessions.searchsorted(sessions[origin] - TRACKED))
    first = max(len(bars) - len(table) + BURN_IN, tracked)
    given = BaselineInputs("AAA", bars, origin + 1, np.arange(origin, len(bars) - 1), 2)
    (raw,) = zero_shot_forecasts(
        [network_inputs(given, table.reindex(bars.index).to_numpy())],
        tuple(table.columns),
        experiment.features or (),
        2,
        [first],
    )

    def at(wanted: Mapping[str, np.ndarray]) -> dict[str, StudentTMixture]:
        chosen = wanted["AAA"] - first
        parts = (getattr(raw, name)[:, chosen] for name in ("df", "loc", "scale"))
        return {"AAA": StudentTMixture(*parts)}

    series = CalibrationSeries("AAA", pd.DatetimeIndex(bars.index), bars["close"].to_numpy(), first)
    expected = calibrate(at, [series], {"AAA": given.origins}, "adaptive")["AAA"]
    near = tables["pretrained"].table[rows["horizon"] == 1]
    np.testing.assert_allclose(near["q10"], expected.quantiles((0.1,))[: len(near), 0, 0])


def test_while_all_are_fitted_only_the_closes_of_a_symbol_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A view of them would keep the other columns, and the index what it was searched by."""
    kept: list[tuple[BaselineInputs, Reading]] = []

    def noted(inputs: list[BaselineInputs], readings: list[Reading], _: object) -> None:
        kept.extend(zip(inputs, readings, strict=True))

    monkeypatch.setattr(linear, "_fits", noted)
    reading, _ = columns(400)
    bars = bars_from_returns(garch_returns(4, 400)[0])
    given = BaselineInputs("S0", bars, 300, np.arange(299, 400), 1, reading.features)
    linear.Linear().fitted([(PooledInputs(given, "never"), lambda: reading.features)])
    ((part, read),) = kept
    np.testing.assert_array_equal(read.closes, bars["close"])
    assert list(read.dates) == list(part.bars.index) == list(bars.index)
    for copy, own in (
        (read.closes, bars["close"].to_numpy()),
        (part.bars["close"].to_numpy(), bars["close"].to_numpy()),
        (read.dates.to_numpy(), bars.index.to_numpy()),
    ):
        assert not np.shares_memory(copy, own)


@pytest.mark.parametrize("on_disk", [False, True])
def test_elsewhere_the_fit_and_what_follows_are_the_same(
    monkeypatch: pytest.MonkeyPatch, on_disk: bool
) -> None:
    monkeypatch.setattr(parallel, "MIN_SYMBOLS_FOR_PROCESSES", 2)
    here, told, _ = asked(pool(), BOTH, "never", FEW)
    if on_disk:  # by workers of this machine, which keep fits for each other
        monkeypatch.setattr(shelf, "IN_MEMORY", 0)
        monkeypatch.setattr(runner, "elsewhere", lambda: False)
    backend = Elsewhere(monkeypatch)
    with using(backend):
        there, notes, _ = asked(pool(), BOTH, "never", FEW)
    assert notes == told
    # The last items are computed first: nobody waits for the fits, which are the first ones.
    fits = [BASELINES[name] for name in BOTH]
    assert backend.items[:5] == ["CCC", "BBB", "AAA", *reversed(fits)]
    for name in BOTH:
        pd.testing.assert_frame_equal(here[name].table, there[name].table)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_fit_that_fails_costs_its_baseline_alone(
    monkeypatch: pytest.MonkeyPatch, elsewhere: bool
) -> None:
    monkeypatch.setattr(parallel, "MIN_SYMBOLS_FOR_PROCESSES", 2)

    def unfit(_: object, symbols: SymbolSource) -> None:
        raise ValueError(f"{len(list(symbols))} symbols")

    monkeypatch.setattr(linear.Linear, "fitted", unfit)
    with using(Elsewhere(monkeypatch)) if elsewhere else nullcontext():
        tables, (note,), _ = asked(pool(), ("ewma", *BOTH), "never", FEW)
    assert note == (
        "linear, calibrated is left out: AAA raised an unexpected error, ValueError: 3 symbols"
    )
    assert list(tables) == ["ewma", "pretrained"]


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_fit_without_memory_ends_it_all(monkeypatch: pytest.MonkeyPatch, elsewhere: bool) -> None:
    monkeypatch.setattr(parallel, "MIN_SYMBOLS_FOR_PROCESSES", 2)

    def unfit(_: object, symbols: SymbolSource) -> None:
        raise MemoryError(f"{len(list(symbols))} symbols")

    monkeypatch.setattr(linear.Linear, "fitted", unfit)
    with (
        using(Elsewhere(monkeypatch)) if elsewhere else nullcontext(),
        pytest.raises(MemoryError, match="3 symbols"),
    ):
        asked(pool(), BOTH, "never", FEW)


# --- left out ------------------------------------------------------------------------------------


def test_what_has_no_place_beside_a_run_is_left_out_with_the_reason() -> None:
    histories = pool()[:1]
    for overrides, expected in (
        (("training.epochs=0", "model.start=pretrained", "model.hidden_size=64"), ("pretrained",)),
        (("target.kind=price", "features=[price]", "model.head=point"), ("linear", "pretrained")),
    ):
        experiment = resolve_experiment(small(*overrides), histories)
        context = baseline_context(experiment, histories, BOTH, {})
        assert tuple(context.left_out) == expected
        assert context.defaults == {}
    _, notes, _ = asked(histories, BOTH, "never", "training.epochs=0")
    assert notes == (
        "pretrained (no fit) is left out: `training.epochs` is 0: the run itself is that",
    )


def test_they_are_left_out_where_the_caller_has_no_features() -> None:
    bars = {"S0": bars_from_returns(garch_returns(0, 400)[0])}
    table = predict(bars, 300, {"S0": constant_t(100)})
    found, notes = baseline_tables(
        [BASELINES[name] for name in BOTH], table, bars, context=BaselineContext()
    )
    assert found == {}
    assert notes == (
        "linear, calibrated is left out: S0 has no features here",
        "pretrained (no fit) is left out: S0 has no default features here",
    )


@pytest.mark.parametrize("name", BOTH)
def test_neither_is_a_member_of_a_pool(name: str) -> None:
    with pytest.raises(ConfigError, match=f"names '{name}', which is calibrated by itself"):
        baseline_members([name])


def test_no_network_travels_to_worker_processes() -> None:
    assert len(pickle.dumps(tuple(BASELINES.values()))) < 5_000


def test_a_year_of_prices_is_enough() -> None:
    """Half of a short history is followed, as for the calibrated HAR."""
    assert CALIBRATION_SESSIONS > 250
    bars = simulated_bars(5, 300, first="2002-01-01")
    tables, notes, _ = asked([as_history(bars)])
    assert notes == ()
    for name in BOTH:
        width = tables[name].table["q90"] - tables[name].table["q10"]
        assert 0.002 < width.min() < width.max() < 0.3
