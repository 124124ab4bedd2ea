"""Walk-forward folds, their files, trading rules and the summary over all of them."""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from support.charts import words
from support.elsewhere import Elsewhere
from support.experiments import small
from support.histories import altered_after, simulated
from support.simulated import bars_from_returns, constant_t, points, predict, random_walk

import lstmcast.training
from lstmcast.config import dump_experiment
from lstmcast.errors import DataError, RunError, UsageError
from lstmcast.evaluation.backtest import (
    Backtest,
    Fold,
    Settings,
    count_trials,
    plan_folds,
    summarise,
    trade,
)
from lstmcast.evaluation.backtest import walk as walking
from lstmcast.evaluation.backtest.fold_files import dump_fold
from lstmcast.evaluation.backtest.fold_training import rows_of_fold, train_fold
from lstmcast.evaluation.backtest.strategies import deflated_sharpe, sharpe_error
from lstmcast.evaluation.scores import row_losses
from lstmcast.evaluation.significance import long_run_variance
from lstmcast.parallel import using
from lstmcast.plots.backtest import backtest_chart
from lstmcast.training import device, resolve_experiment
from lstmcast.training.checkpoint import load_forecaster

SESSIONS = pd.bdate_range("2001-01-02", periods=1000, name="date")
QUICK = ("random_walk", "ewma")


def row(date: pd.Timestamp) -> int:
    return int(SESSIONS.get_indexer(pd.DatetimeIndex([date]))[0])


@pytest.mark.parametrize("window", ["expanding", "rolling"])
def test_folds_follow_one_another_without_gap_or_overlap(window: str) -> None:
    folds = plan_folds(SESSIONS, folds=7, horizon=5, window=window, embargo=3)  # type: ignore[arg-type]  # a parameter of the test
    forecast = np.concatenate(
        [np.arange(row(f.first_origin), row(f.last_origin) + 1) for f in folds]
    )
    np.testing.assert_array_equal(forecast, np.arange(499, 999))
    for fold in folds:
        assert row(fold.start) <= row(fold.train_end) - 100
        assert row(fold.train_end) < row(fold.validation_end)
        assert row(fold.validation_end) == row(fold.first_origin) - 3
        assert row(fold.last_outcome) == min(row(fold.last_origin) + 5, 999)
        length = row(fold.validation_end) - row(fold.start) + 1
        assert length == (497 if window == "rolling" else row(fold.validation_end) + 1)


def test_impossible_plans_are_refused() -> None:
    with pytest.raises(UsageError, match="`--folds` must be at least 1"):
        plan_folds(SESSIONS, folds=0, horizon=1)
    with pytest.raises(DataError, match="100 sessions before the first forecast"):
        plan_folds(SESSIONS, folds=2, horizon=1, first=pd.Timestamp(SESSIONS[100]))
    with pytest.raises(DataError, match="5 sessions to forecast for 10 folds"):
        plan_folds(SESSIONS, folds=10, horizon=1, first=pd.Timestamp(SESSIONS[995]))


def walk(
    root: Path, rows: int = 620, folds: int = 2, members: int = 1, **settings: object
) -> Backtest:
    histories = [simulated(rows=rows), simulated(seed=2, rows=rows, symbol="BBB")]
    experiment = resolve_experiment(
        small("data.symbols=[AAA, BBB]", "training.epochs=1", f"model.members={members}"),
        histories,
    )
    first = pd.Timestamp(histories[0].bars.index[rows - 120])
    chosen = Settings(folds=folds, first=first, baselines=QUICK, **settings)  # type: ignore[arg-type]  # passed on as they are
    return Backtest(experiment, histories, chosen, root)


@pytest.mark.slow
def test_a_walk_forecasts_every_session_once_and_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = walk(tmp_path)
    assert isinstance(next(test.run()), Fold)
    again = walk(tmp_path)
    assert again.folder == test.folder
    assert [fold.number for fold in again.missing()] == [2]
    before = again.path(again.folds[0]).read_bytes()
    assert [fold.number for fold in again.run()] == [2]
    assert again.path(again.folds[0]).read_bytes() == before
    tables, notes = again.tables()
    assert list(tables) == ["model", *QUICK]
    assert notes == ()
    keys = ["symbol", "origin", "horizon"]
    for table in tables.values():
        pd.testing.assert_frame_equal(table[keys], tables["model"][keys])
        origins = table[(table["symbol"] == "AAA") & (table["horizon"] == 1)]["origin"]
        sessions = pd.DatetimeIndex(again.histories[0].bars.index)
        assert list(origins) == list(sessions[499:619])
    plan = json.loads((again.folder / "plan.json").read_text())
    assert len(plan["folds"]) == 2
    by_workers, backend = walk(tmp_path / "by workers"), Elsewhere(monkeypatch)
    with using(backend):
        assert [fold.number for fold in by_workers.run(jobs=2)] == [1, 2]
    assert [path.name for path in sorted(by_workers.folder.iterdir())] == [
        path.name for path in sorted(again.folder.iterdir())
    ]
    assert kept(by_workers) == kept(again)
    again.path(again.folds[1]).write_bytes(b"broken")
    with pytest.raises(RunError, match=r"fold 2 of .* cannot be read"):
        again.tables()


@pytest.mark.slow
def test_other_prices_in_a_fold_change_no_earlier_forecast(tmp_path: Path) -> None:
    test = walk(tmp_path / "one", folds=1)
    list(test.run())
    cut = [history.between(None, test.folds[0].last_origin) for history in test.histories]
    sessions = pd.DatetimeIndex(cut[0].bars.index)
    shorter = Backtest(
        test.experiment, cut, Settings(1, first=test.settings.first, baselines=QUICK), tmp_path
    )
    list(shorter.run())
    ours, theirs = test.tables()[0]["model"], shorter.tables()[0]["model"]
    known = ours["date"] <= sessions[-1]
    columns = ["symbol", "origin", "horizon", "q05", "q50", "q95"]
    pd.testing.assert_frame_equal(
        ours[known][columns].reset_index(drop=True), theirs[columns], rtol=1e-5
    )


@pytest.mark.parametrize(
    ("window", "order"), [("expanding", [4, 3, 2, 1]), ("rolling", [1, 2, 3, 4])]
)
def test_workers_begin_with_the_longest_folds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: Any, order: list[int]
) -> None:
    begun: list[int] = []

    def workers(_: object, __: object, folds: list[Fold], **___: object) -> Iterator[None]:
        begun.extend(fold.number for fold in folds)
        return iter(())

    monkeypatch.setattr(walking, "as_completed", workers)
    settings = Settings(4, window=window, baselines=QUICK)
    experiment = resolve_experiment(small(), [simulated(1, 1200)])
    list(Backtest(experiment, [simulated(1, 1200)], settings, tmp_path).run(jobs=2))
    assert begun == order


WARM = Settings(3, baselines=QUICK, warm_start=True)
KNOWN = 501
"""Number of the last session that the first fold has an outcome on."""


def joining(
    root: Path,
    *overrides: str,
    settled: bool = True,
    last: int = KNOWN,
    **settings: object,
) -> Backtest:
    """A walk over prices that another symbol joins before its second fold.

    Prices are others after the session with number `last`.
    """
    histories = [
        simulated(rows=600),
        simulated(seed=2, rows=500, symbol="BBB", first="2001-04-24"),
    ]
    histories = [altered_after(h, histories[0].bars.index[last], seed=5) for h in histories]
    # A seed with which the third fold leaves what it begins as: else no change in it would show.
    experiment = small(
        "data.symbols=[AAA, BBB]",
        "training.epochs=1",
        "model.members=1",
        "training.seed=3",
        *overrides,
    )
    if settled:
        experiment = resolve_experiment(experiment, histories)
    first = pd.Timestamp(histories[0].bars.index[450])
    return Backtest(experiment, histories, replace(WARM, first=first, **settings), root)  # type: ignore[arg-type]  # passed on as they are


def test_offsets_of_symbols_are_those_of_each_fold_s_rows(tmp_path: Path) -> None:
    """Another symbol joins, and whatever the fold before knew of each, the next fits it anew."""
    test = joining(tmp_path, "model.start=pretrained", "target.horizon=1", "training.refit=none")
    list(test.run())
    starts = [load_forecaster(test.weights(fold), test.experiment) for fold in test.folds[:2]]
    alone, both = (start.groups[0].networks[0].head.offsets for start in starts)
    assert alone is None
    assert both is not None
    assert both.shape[0] == 3
    assert not torch.allclose(both[0], both[1], atol=1e-3)
    with torch.no_grad():
        both.copy_(both.flip(0) + 0.1)
    fold = test.folds[2]
    again = train_fold(test.experiment, test.histories, fold, test.threads, starts[1])
    table = test.tables()[0]["model"]
    own = table[table["origin"].between(fold.first_origin, fold.last_origin)]
    pd.testing.assert_frame_equal(rows_of_fold(again.predictions, fold), own.reset_index(drop=True))


def kept(test: Backtest) -> dict[str, bytes]:
    """The files of every fold, but for the walk that they name and their own hash."""
    return {path.name: _nameless(path) for path in sorted(test.folder.glob("fold-*"))}


def _nameless(path: Path) -> bytes:
    if path.suffix == ".parquet":
        table = pd.read_parquet(path)
        return dump_fold(table, table.attrs["notes"], None)
    return re.sub(rb"[0-9a-f]{64}", b"", path.read_bytes())


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Backtest:
    """A walk with a warm start, done."""
    test = joining(tmp_path_factory.mktemp("warm"))
    list(test.run())
    return test


@pytest.mark.slow
def test_a_warm_start_changes_every_fold_but_the_first(warm: Backtest, tmp_path: Path) -> None:
    cold = joining(tmp_path, warm_start=False)
    list(cold.run())
    assert cold.folder.name != warm.folder.name
    ours, theirs = kept(warm), kept(cold)
    assert list(theirs) == [name for name in ours if name.endswith(".parquet")]
    assert [ours[name] == theirs[name] for name in theirs] == [True, False, False]
    assert warm.tables()[1] == ()


@pytest.mark.slow
def test_a_warm_fold_goes_on_from_the_one_before(warm: Backtest) -> None:
    table = warm.tables()[0]["model"]
    for before, fold in pairwise(warm.folds):
        start = load_forecaster(warm.weights(before), warm.experiment)
        assert [set(group.scaling.scalers) for group in start.groups] == [
            {"AAA"} if before.number == 1 else {"AAA", "BBB"}
        ]
        trained = train_fold(warm.experiment, warm.histories, fold, 2, start)
        assert all(member.records[0].epoch == 0 for member in trained.ensemble.members)
        again = rows_of_fold(trained.predictions, fold)
        own = table[table["origin"].between(fold.first_origin, fold.last_origin)]
        pd.testing.assert_frame_equal(again, own.reset_index(drop=True))


def begun(warm: Backtest, folder: Path, folds: int) -> Backtest:
    """The warm walk with its first folds alone."""
    test = joining(folder)
    test.folder.mkdir()
    for fold in test.folds[:folds]:
        for file in (Backtest.path, Backtest.weights):
            file(test, fold).write_bytes(file(warm, fold).read_bytes())
    return test


@pytest.mark.slow
def test_a_broken_warm_walk_goes_on_to_the_same_files(warm: Backtest, tmp_path: Path) -> None:
    """One fold after the other, however many workers there may be."""
    again = begun(warm, tmp_path, 1)
    assert [fold.number for fold in again.missing()] == [2, 3]
    assert [fold.number for fold in again.run(2)] == [2, 3]
    assert kept(again) == kept(warm)
    again.weights(again.folds[1]).unlink()
    assert [fold.number for fold in again.run(2)] == [2]
    assert kept(again) == kept(warm)


@pytest.mark.slow
def test_prices_after_a_warm_fold_change_nothing_in_it(warm: Backtest, tmp_path: Path) -> None:
    assert warm.histories[0].bars.index[KNOWN] == warm.folds[0].last_outcome
    other = joining(tmp_path, last=KNOWN + 1)
    list(other.run())
    ours, theirs = kept(warm), kept(other)
    changed = [name for name in ours if ours[name] != theirs[name]]
    # What the second fold forecasts is after its training, and so are the prices that differ.
    assert changed == ["fold-02.parquet", "fold-03.parquet", "fold-03.safetensors"]


@pytest.mark.slow
def test_columns_that_appear_later_begin_anew(tmp_path: Path) -> None:
    test = joining(tmp_path, settled=False, folds=2)
    list(test.run())
    (note,) = test.tables()[1]
    assert note.startswith("fold 2: the networks begin anew: the features had other columns before")
    assert "pool_return" in note


@pytest.mark.slow
def test_damaged_weights_are_named(warm: Backtest, tmp_path: Path) -> None:
    test = begun(warm, tmp_path, 2)
    test.weights(test.folds[1]).write_bytes(warm.weights(warm.folds[0]).read_bytes())
    with pytest.raises(RunError, match="it belongs to fold 1, not to fold 2"):
        list(test.run())
    test.weights(test.folds[1]).write_bytes(b"broken")
    with pytest.raises(RunError, match=r"the weights of fold 2 of .* cannot be used") as caught:
        list(test.run())
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("remove fold-02.safetensors and run the backtest again")


def test_a_fold_that_was_cut_short_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = lstmcast.training.train_experiment

    def cut_short(*args: Any, **kwargs: Any) -> lstmcast.training.Trained:
        trained = train(*args, **kwargs)
        assert trained.movements == ()  # no fold tells of them, and they take forecasts
        return replace(trained, ensemble=replace(trained.ensemble, interrupted=True))

    monkeypatch.setattr(lstmcast.training, "train_experiment", cut_short)
    test = joining(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        list(test.run())
    assert len(test.missing()) == 3


def test_too_short_a_history_is_refused() -> None:
    histories = [simulated(rows=420)]
    fold = plan_folds(histories[0].dates, folds=1, horizon=3, fewest=300)[0]
    with pytest.raises(DataError, match="no symbol with 400 sessions"):
        train_fold(small(), histories, fold, threads=1)


def test_the_first_fold_waits_for_a_symbol_with_enough_sessions() -> None:
    short, ended = SESSIONS[:600], SESSIONS[:400]
    assert row(plan_folds(short, folds=2, horizon=1)[0].first_origin) == 399
    late = SESSIONS[150:600]
    folds = plan_folds(short, folds=2, horizon=1, calendars=(late, ended), embargo=2)
    assert row(folds[0].validation_end) == 549  # of `late` there are 400 then; `ended` has no more
    first = plan_folds(short, folds=2, horizon=1, calendars=(late,), embargo=2)[0].first_origin
    told = f"`--from {SESSIONS[row(first) + 1]:%Y-%m-%d}` or later"
    with pytest.raises(DataError, match="needs 400 of one symbol") as caught:
        plan_folds(short, folds=2, horizon=1, calendars=(late,), embargo=2, first=first)
    assert caught.value.hint is not None
    assert told in caught.value.hint
    with pytest.raises(DataError, match="no symbol has more than 400 sessions"):
        plan_folds(SESSIONS[:800], folds=2, horizon=1, calendars=(SESSIONS[400:800], ended))


def test_another_plan_or_experiment_has_a_folder_of_its_own(tmp_path: Path) -> None:
    folders = {
        walk(tmp_path).folder,
        walk(tmp_path, folds=3).folder,
        walk(tmp_path, embargo=2).folder,
        walk(tmp_path, warm_start=True).folder,
        walk(tmp_path, rows=630).folder,
    }
    assert len(folders) == 5
    assert walk(tmp_path).folder in folders


def forecasts(rows: int = 800, first: int = 100) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    bars = {name: random_walk(k, rows=rows) for k, name in enumerate("AB")}
    return bars, predict(bars, first, dict.fromkeys("AB", constant_t(rows - first, loc=1e-4)))


def test_summary_has_scores_years_and_daily_differences() -> None:
    bars, table = forecasts()
    wider = predict(bars, 100, dict.fromkeys("AB", constant_t(700, scale=0.02)))
    report = summarise({"model": table, "ewma": wider}, bars, cost_bps=5.0, trials=3)
    assert report.report.verdict.best_baseline == "ewma"
    assert [year.year for year in report.years] == sorted(table["date"].dt.year.unique())
    assert sum(year.days for year in report.years) == 700
    assert all(year.skill > 0 for year in report.years)
    assert report.differences.sum() < 0
    values = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert values["trials"] == 3
    # Medians that all rise hold always: that is no rule of its own.
    names = [part["name"] for part in values["strategies"]]
    assert names == ["buy and hold", "volatility target"]
    assert values["strategies"][0]["beyond"] is None
    assert values["strategies"][0]["deflated"] is None


def test_a_year_is_the_mean_of_its_symbols_however_many_days_each_has() -> None:
    """One symbol begins in the middle of the second year: the first must not look easier for it."""
    bars, table = forecasts()
    wider = predict(bars, 100, dict.fromkeys("AB", constant_t(700, scale=0.02)))
    late = sorted(table["date"].unique())[300]
    tables = {
        name: rows[(rows["symbol"] == "A") | (rows["date"] >= late)]
        for name, rows in (("model", table), ("ewma", wider))
    }
    report = summarise(tables, bars)
    for name, crps in (("model", "crps"), ("ewma", "best_crps")):
        losses = row_losses(tables[name])
        by_symbol = losses.groupby([losses["date"].dt.year, "symbol"])["crps"].mean()
        expected = by_symbol.groupby(level=0).mean()
        np.testing.assert_allclose([getattr(y, crps) for y in report.years], expected, rtol=1e-12)
    gains = [1 - year.crps / year.best_crps for year in report.years]
    np.testing.assert_allclose([year.skill for year in report.years], gains, rtol=1e-12)
    assert sum(year.days for year in report.years) == 700


def hold_daily(
    rows: pd.DataFrame, bars: dict[str, pd.DataFrame], cost: float, *, opens: bool
) -> np.ndarray:
    """Daily returns of holding all symbols alike, bought once."""
    net = []
    for symbol, part in rows.sort_values("origin").groupby("symbol"):
        frame = bars[str(symbol)].loc[part["date"]]
        price = [*frame["open" if opens else "close"], frame["close"].iloc[-1]]
        gains = np.diff(price) / price[:-1]
        gains[0] -= cost
        net.append(gains)
    mean: np.ndarray = np.mean(net, axis=0)
    return mean


def test_a_coin_that_holds_stocks_in_a_rising_market_is_not_called_skill() -> None:
    """It earns most of what the market earns; beyond that, by luck alone."""
    passed = 0
    for seed in range(100):
        generator = np.random.default_rng(seed)
        bars = {"A": bars_from_returns(6e-4 + 0.01 * generator.standard_normal(1199))}
        table = predict(bars, 100, {"A": points(1099)})
        coin = np.where(generator.random(len(table)) < 0.7, 1e-3, -1e-3)
        sign = trade(table.assign(q50=coin), bars, cost_bps=0, trials=1)[-1]
        passed += sign.deflated > 0.95
    assert passed <= 12


@pytest.mark.parametrize("opens", [True, False], ids=["opens", "closes alone"])
def test_rules_are_traded_as_a_loop_would(opens: bool) -> None:
    """On what is known at a close one can trade at the next open, or at the next close."""
    bars, table = forecasts()
    generator = np.random.default_rng(0)
    for frame in bars.values():
        frame["open"] *= np.exp(generator.normal(scale=0.003, size=len(frame)))
        if not opens:
            frame[["open", "high", "low"]] = np.nan
    rows = table[table["horizon"] == 1].copy()
    rows["q50"] = np.where(generator.random(len(rows)) < 0.5, 0.001, -0.001)
    found = {part.name: part for part in trade(rows, bars, cost_bps=20, trials=1)}
    net: dict[pd.Timestamp, list[float]] = {}
    for symbol, part in rows.groupby("symbol"):
        held, lines = 0.0, part.sort_values("origin").to_dict("records")
        price = bars[str(symbol)]["open" if opens else "close"].to_dict()
        price[None] = bars[str(symbol)].loc[lines[-1]["date"], "close"]
        following = [*(line["date"] for line in lines[1:]), None]
        for line, sold in zip(lines, following, strict=True):
            wanted = 1.0 if line["q50"] > 0 else 0.0
            gain = wanted * (price[sold] / price[line["date"]] - 1) - 0.002 * abs(wanted - held)
            net.setdefault(line["origin"], []).append(gain)
            held = wanted
    daily = np.array([np.mean(net[origin]) for origin in sorted(net)])
    assert found["sign"].annual_return == pytest.approx(252 * daily.mean(), rel=1e-9)
    assert found["sign"].sharpe == pytest.approx(
        np.sqrt(252) * daily.mean() / daily.std(), rel=1e-9
    )
    wealth = np.cumprod(1 + daily)
    loss = max(1 - w / max(1.0, *wealth[: k + 1]) for k, w in enumerate(wealth))
    assert found["sign"].drawdown == pytest.approx(loss, rel=1e-9)
    assert found["buy and hold"].turnover == pytest.approx(252 / 700)
    assert math.isnan(found["buy and hold"].beyond)
    share = (rows["q50"] > 0).mean()
    beyond = daily - share * hold_daily(rows, bars, 0.002, opens=opens)
    assert found["sign"].beyond == pytest.approx(252 * beyond.mean(), rel=1e-9)
    error = np.sqrt(long_run_variance(beyond, 5) / len(beyond))
    assert found["sign"].beyond_error == pytest.approx(252 * error, rel=1e-9)
    assert found["sign"].deflated == pytest.approx(deflated_sharpe(beyond, 1), rel=1e-9)
    assert trade(rows, bars, cost_bps=100, trials=1)[2].sharpe < found["sign"].sharpe


def test_the_volatility_target_holds_less_where_the_forecast_is_wider() -> None:
    bars, table = forecasts()
    found = {part.name: part for part in trade(table, bars, cost_bps=0, trials=1)}
    target, held = found["volatility target"], found["buy and hold"]
    assert target.annual_volatility < held.annual_volatility
    yearly = np.sqrt(252 * 0.01**2 * 5 / 3)
    assert target.annual_volatility / held.annual_volatility == pytest.approx(
        0.15 / yearly, rel=0.02
    )


def test_error_of_the_sharpe_ratio_is_that_of_many_worlds() -> None:
    ratios, errors = [], []
    for seed in range(400):
        returns = 5e-4 + 0.01 * np.random.default_rng(seed).standard_t(6, size=750)
        ratios.append(returns.mean() / returns.std())
        errors.append(sharpe_error(returns))
    assert np.mean(errors) == pytest.approx(np.std(ratios), rel=0.1)


@pytest.mark.parametrize("shape", [-6.0, 6.0], ids=["skewed down", "skewed up"])
def test_error_of_the_sharpe_ratio_of_skewed_and_dependent_returns(shape: float) -> None:
    """Falls that come together make the ratio less certain, rises that do more: by simulation."""
    spread = stats.skewnorm(shape)
    draws = (spread.rvs((400, 1001), random_state=1) - spread.mean()) / spread.std()
    ratios, errors = [], []
    for shocks in draws:
        returns = 0.2 + shocks[1:] + 0.5 * shocks[:-1]
        ratios.append(returns.mean() / returns.std())
        errors.append(sharpe_error(returns))
    assert np.mean(errors) == pytest.approx(np.std(ratios), rel=0.1)


def test_deflation_written_out_for_skewed_returns() -> None:
    """Bailey and Lopez de Prado (2014), equations 1 and 2, with every moment by scipy."""
    draws = stats.skewnorm(-8).rvs(600, random_state=3)
    returns = 0.08 + draws - draws.mean()
    n, trials = len(returns), 20
    ratio = returns.mean() / returns.std()
    skew, kurtosis = stats.skew(returns), stats.kurtosis(returns, fisher=False)
    euler = float(np.euler_gamma)
    luck = np.sqrt(1 / (n - 1)) * (
        (1 - euler) * stats.norm.ppf(1 - 1 / trials)
        + euler * stats.norm.ppf(1 - 1 / (trials * np.e))
    )
    spread = np.sqrt(1 - skew * ratio + (kurtosis - 1) / 4 * ratio**2)
    expected = stats.norm.cdf((ratio - luck) * np.sqrt(n - 1) / spread)
    assert abs(skew) > 0.5
    assert 0.6 < expected < 0.99
    assert deflated_sharpe(returns, trials) == pytest.approx(expected, rel=1e-9)


def test_deflation_by_the_number_of_trials() -> None:
    returns = 8e-4 + 0.01 * np.random.default_rng(1).standard_normal(1000)
    alone = deflated_sharpe(returns, 1)
    ratio = returns.mean() / returns.std()
    assert alone == pytest.approx(stats.norm.cdf(ratio * np.sqrt(999)), abs=0.01)
    assert alone > deflated_sharpe(returns, 5) > deflated_sharpe(returns, 100)


def test_the_best_of_many_lucky_strategies_is_not_called_skill() -> None:
    """Of 50 strategies without skill the best looks good; deflated it passes 0.95 rarely."""
    passed = naive = 0
    for seed in range(200):
        worlds = 0.01 * np.random.default_rng(seed).standard_normal((50, 500))
        best = worlds[np.argmax(worlds.mean(axis=1) / worlds.std(axis=1))]
        naive += deflated_sharpe(best, 1) > 0.95
        passed += deflated_sharpe(best, 50) > 0.95
    assert naive > 150
    assert passed <= 20


def test_the_chart_cumulates_the_differences() -> None:
    dates = pd.bdate_range("2010-01-04", periods=50)
    differences = pd.Series(np.linspace(-0.1, 0.05, 50), index=dates)
    figure = backtest_chart(differences, rival="EWMA", folds=[pd.Timestamp(dates[0])])
    lines = figure.axes[0].get_lines()
    drawn = np.asarray(lines[1].get_ydata(), dtype=np.float64)
    np.testing.assert_allclose(drawn, np.cumsum(differences))
    assert any("50 days, too few to conclude" in line for line in words(figure))
    longer = pd.Series(np.zeros(60), index=pd.bdate_range("2010-01-04", periods=60))
    assert not any("conclude" in line for line in words(backtest_chart(longer, rival="EWMA")))
    with pytest.raises(DataError, match="`differences` has no rows"):
        backtest_chart(pd.Series(dtype="float64"), rival="EWMA")


def run_record(folder: Path, *symbols: str, source: str = "csv", ends: tuple[str, str]) -> None:
    """What a run says of itself, as far as it counts as a trial."""
    folder.mkdir(parents=True)
    record = {
        "symbols": [{"symbol": symbol, "source": source} for symbol in symbols],
        "split": {"validation_end": ends[0], "test_end": ends[1]},
    }
    (folder / "run.json").write_text(json.dumps(record))


def test_trials_are_those_on_the_same_symbols_and_days_and_are_kept(tmp_path: Path) -> None:
    test = walk(tmp_path)
    days = ("2002-12-31", "2003-04-30")
    run_record(tmp_path / "same", "BBB", "AAA", ends=days)
    run_record(tmp_path / "fewer", "AAA", ends=days)
    run_record(tmp_path / "more", "AAA", "BBB", "CCC", ends=days)
    run_record(tmp_path / "elsewhere", "AAA", "BBB", source="sample", ends=days)
    run_record(tmp_path / "before", "AAA", "BBB", ends=("2001-01-01", "2002-06-30"))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text("{")
    other = walk(tmp_path, folds=3)  # another plan on the same symbols and days
    other.folder.mkdir()
    plan = {"folds": [{"first_origin": "2002-12-02", "last_outcome": "2003-05-19"}]}
    (other.folder / "plan.json").write_text(json.dumps(plan))
    (other.folder / "config.yaml").write_text(dump_experiment(other.experiment))
    test.folder.mkdir()
    assert count_trials(test) == 3
    kept = json.loads((test.folder / "trials.json").read_text())
    assert kept["counted"] == sorted(["same", other.folder.name, test.folder.name])
    run_record(tmp_path / "later", "AAA", "BBB", ends=days)
    assert count_trials(test) == 3
    (test.folder / "trials.json").unlink()
    assert count_trials(test) == 4


def test_a_walk_is_the_same_whatever_the_cores_and_jobs_and_another_with_other_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums in another order move forecasts by a rounding: such folds do not go together."""
    test = walk(tmp_path, folds=4, members=2)

    def of_cores(cores: int, jobs: int = 1, threads: int = 0) -> tuple[int, str]:
        monkeypatch.setattr(device, "available_threads", lambda wanted: wanted or cores)
        training = test.experiment.training.model_copy(update={"threads": threads})
        experiment = test.experiment.model_copy(update={"training": training})
        walks = replace(test, jobs=jobs, experiment=experiment)
        return walks.threads, walks.folder.name

    # Two networks: a third thread leaves each one, a fourth would not.
    machines = [(16, 1), (16, 4), (16, 0), (8, 4), (3, 1), (2, 2), (1, 1)]
    found = [of_cores(*machine) for machine in machines]
    assert [threads for threads, _ in found] == [3, 3, 3, 2, 3, 1, 1]
    assert len({folder for _, folder in found}) == 1
    asked = [of_cores(cores, jobs, threads=8) for cores, jobs in machines]
    assert {threads for threads, _ in asked} == {8}
    assert len({folder for _, folder in asked}) == 1
    assert asked[0][1] != found[0][1]


def test_a_fold_waits_for_the_outcomes_of_every_calendar() -> None:
    """Three sessions of a stock reach further than three days of a coin."""
    days = pd.date_range("2020-01-01", periods=900)
    stock = days[days.day_of_week < 5]
    for plan in (
        plan_folds(days, folds=4, horizon=3, calendars=[days, stock]),
        plan_folds(stock, folds=4, horizon=3),
    ):
        for fold in plan[:-1]:
            origin = int(stock.searchsorted(fold.last_origin, side="right")) - 1
            assert fold.last_outcome == stock[origin + 3]
