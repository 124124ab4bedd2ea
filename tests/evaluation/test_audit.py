"""The audit passes an honest run and names every leak that is planted."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial, partialmethod
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.experiments import LINEAR, PRICE, small, train, trained
from support.histories import as_history, simulated
from support.unlike import new_york, tokyo

import lstmcast.training
import lstmcast.training.prepare as preparation
from lstmcast.baselines import baseline_members
from lstmcast.calibration import IntervalFactors
from lstmcast.cli.audit import _mark
from lstmcast.config import Experiment
from lstmcast.dataset import Parts, Scaling, assign_origins, fit_scaling
from lstmcast.errors import AuditError
from lstmcast.evaluation.audit import AuditReport, Check, audit, controls, moments, simulate
from lstmcast.evaluation.audit.altered import altered_after, cut_after, shuffled_days
from lstmcast.evaluation.audit.controls import (
    _in_words,
    check_random_walk,
    check_shuffled,
    check_volatility,
)
from lstmcast.evaluation.audit.fitted import check_training
from lstmcast.evaluation.audit.simulate import garch, random_walk
from lstmcast.evaluation.audit.stored import check_predictions
from lstmcast.evaluation.significance import Test
from lstmcast.features import GROUPS, Bars, FeatureGroup, FeatureMatrix
from lstmcast.features.returns import returns
from lstmcast.predictions import QUANTILES as Q
from lstmcast.prices.history import PriceHistory
from lstmcast.training import (
    SilentObserver,
    Trained,
    by_workers,
    resolve_experiment,
    train_experiment,
)
from lstmcast.training import experiment as experiment_training
from lstmcast.training.device_panel import DevicePanel
from lstmcast.training.prediction import pool_members
from lstmcast.training.prepare import Prepared

HISTORY = simulated()
SHORT = ("model.members=1", "training.epochs=1")
ONCE = "training.refit=none"
RETURNS = small("features=[returns]", ONCE, *SHORT)


def audited(run: Trained, *, training: bool = False) -> dict[str, Check]:
    report = audit(run.forecaster, [HISTORY], training=training)
    return {check.name: check for check in report.checks}


@pytest.fixture
def one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is planted shows wherever the future is taken away: once is enough."""
    monkeypatch.setattr(moments, "MOMENTS", 1)


def generator() -> np.random.Generator:
    return np.random.default_rng(3)


def failures(checks: Mapping[str, Check]) -> set[str]:
    return {name for name, check in checks.items() if check.passed is False}


@pytest.mark.slow
def test_an_honest_run_passes_every_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controls, "EPOCHS", 2)
    monkeypatch.setattr(simulate, "random_walk", partial(random_walk, rows=1000))
    checks = audited(trained("model.start=pretrained", *SHORT), training=True)
    assert failures(checks) == set(), checks
    assert list(checks) == [
        "features", "forecasts", "scaler", "purge", "training", "random walk", "shuffled",
        "volatility",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_model_without_ranges_is_not_asked_for_volatility() -> None:
    check = check_volatility(resolve_experiment(small(*PRICE, ONCE, *SHORT), [HISTORY]))
    assert check.passed is None


@pytest.mark.parametrize("overrides", [(), PRICE], ids=["every", "last"])
def test_the_quick_checks_pass_for_every_kind_of_experiment(overrides: tuple[str, ...]) -> None:
    assert failures(audited(trained(*overrides))) == set()


def tampered(table: pd.DataFrame, how: str) -> pd.DataFrame:
    """A prediction table as a mistake or a liar would leave it."""
    here = np.arange(len(table)) == len(table) // 2
    outcome = table["return_actual"]
    changed: pd.DataFrame
    match how:
        case "nearer":
            nearer = {name: table[name].mask(here, 0.7 * table[name] + 0.3 * outcome) for name in Q}
            changed = table.assign(**nearer)
        case "denser":
            changed = table.assign(log_density=table["log_density"] + 0.02 * here)
        case "outcome":
            changed = table.assign(return_actual=outcome.mask(here, 0.99 * outcome))
        case "fewer":
            changed = table[~here].iloc[:-1]
        case "twice":
            changed = pd.concat([table, table[here]])
        case _:
            early = table[here].assign(origin=pd.Timestamp("2001-01-01"))
            changed = pd.concat([early, table])
    return changed


@pytest.mark.parametrize("overrides", [(), PRICE], ids=["every", "last"])
def test_the_stored_forecasts_are_the_networks_own(overrides: tuple[str, ...]) -> None:
    run = trained(*overrides)
    stored = run.predictions.sample(frac=1, random_state=1)  # in any order
    check = check_predictions(run.forecaster, [HISTORY], stored)
    assert check.passed, check
    assert f"the {len(stored):,} scored forecasts" in check.detail


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("nearer", "a forecast is wrong: .* differs from what the run's networks forecast"),
        ("denser", "a forecast is wrong: .* differs from what the run's networks forecast"),
        ("outcome", "has an outcome that differs from the stored prices"),
        ("fewer", "2 forecasts are wrong: that of .*, is missing from the run's table"),
        ("twice", "is in the run's table twice"),
        ("more", "from 2001-01-01, .* ahead, is in the run's table and not in its test"),
    ],
)
def test_stored_forecasts_that_are_not_are_named(how: str, words: str) -> None:
    run = trained()
    check = check_predictions(run.forecaster, [HISTORY], tampered(run.predictions, how))
    assert check.passed is False
    assert re.search(words, check.detail)


@pytest.mark.usefixtures("one_moment")
def test_stored_forecasts_are_a_check_of_their_own() -> None:
    run = trained()
    stored = tampered(run.predictions, "nearer")
    report = audit(run.forecaster, [HISTORY], predictions=stored, training=False)
    assert failures({check.name: check for check in report.checks}) == {"predictions"}
    with pytest.raises(AuditError, match="predictions: "):
        report.require()


def plant_group(
    monkeypatch: pytest.MonkeyPatch, compute: Callable[[Bars], pd.DataFrame]
) -> Trained:
    """Train with another `returns` group."""
    monkeypatch.setitem(GROUPS, "returns", FeatureGroup("returns", ("close",), compute))
    return train(RETURNS)


@pytest.mark.usefixtures("one_moment")
def test_a_feature_shifted_by_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def shifted(bars: Bars) -> pd.DataFrame:
        table = pd.DataFrame(returns(bars))
        return table.assign(volatility_3=table["volatility_3"].shift(-1).ffill())

    checks = audited(plant_group(monkeypatch, shifted))
    assert failures(checks) == {"features", "forecasts"}
    assert "`volatility_3` reads bars up to 1 session ahead" in checks["features"].detail


@pytest.mark.usefixtures("one_moment")
def test_the_target_among_the_inputs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def with_target(bars: Bars) -> pd.DataFrame:
        return pd.DataFrame(returns(bars)).assign(tip=bars.log_return.shift(-1).fillna(0.0))

    checks = audited(plant_group(monkeypatch, with_target))
    assert failures(checks) == {"features", "forecasts"}
    assert "`tip` is the target itself" in checks["features"].detail


@pytest.mark.usefixtures("one_moment")
def test_calibration_by_outcomes_that_are_not_known_yet_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The factors of a later day, or of the last: ranges fit outcomes that are still to come."""
    honest = IntervalFactors.known_at

    def ahead(self: IntervalFactors, dates: pd.DatetimeIndex, *, days: int) -> np.ndarray:
        if not len(self.dates):
            return honest(self, dates)
        late = np.minimum(self.dates.searchsorted(dates) + days, len(self.dates) - 1)
        return honest(self, self.dates[late])

    run = trained("calibration.kind=adaptive", *SHORT)
    assert failures(audited(run)) == set()
    for days in (1, 10_000):
        monkeypatch.setattr(IntervalFactors, "known_at", partialmethod(ahead, days=days))
        checks = audited(run)
        assert failures(checks) == {"forecasts"}, days
        assert "change when later bars are altered" in checks["forecasts"].detail


@pytest.mark.usefixtures("one_moment")
def test_a_statistic_of_the_whole_history_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def centred(bars: Bars) -> pd.DataFrame:
        table = pd.DataFrame(returns(bars))
        return table.assign(abs_return=table["abs_return"] - table["abs_return"].mean())

    checks = audited(plant_group(monkeypatch, centred))
    assert "features" in failures(checks)
    assert "`abs_return` reads bars up to 5 sessions ahead" in checks["features"].detail


@pytest.mark.usefixtures("one_moment")
def test_a_scaler_fitted_on_all_rows_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def on_all(
        matrices: Mapping[str, FeatureMatrix], parts: Mapping[str, Parts], kind: str, _: object
    ) -> Scaling:
        everything = {
            symbol: Parts(np.arange(len(matrix.table)), part.validation, part.test)
            for (symbol, matrix), part in zip(matrices.items(), parts.values(), strict=True)
        }
        return fit_scaling(matrices, everything, kind)

    monkeypatch.setattr(preparation, "fit_scaling", on_all)
    checks = audited(train(RETURNS))
    assert failures(checks) == {"scaler"}
    assert "fitted on all rows" in checks["scaler"].detail


@pytest.mark.usefixtures("one_moment")
def test_validation_on_test_rows_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def on_test(*arguments: Any) -> Parts:
        parts = assign_origins(*arguments)
        return Parts(parts.train, parts.test[:-3], parts.test)

    monkeypatch.setattr(preparation, "assign_origins", on_test)
    checks = audited(train(RETURNS))
    assert failures(checks) == {"purge"}
    assert "validation part of AAA" in checks["purge"].detail


def test_early_stopping_on_test_rows_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The split is right, but the loop is handed other rows to stop by."""

    class Cheating(DevicePanel):
        def assign(self, prepared: Prepared, parts: Mapping[str, Parts]) -> None:
            peeking = {
                symbol: Parts(part.train, part.test[:-3], part.test)
                for symbol, part in parts.items()
            }
            super().assign(prepared, peeking)

    monkeypatch.setattr(by_workers, "DevicePanel", Cheating)
    experiment = preparation.prepare(RETURNS, [HISTORY]).experiment
    check = check_training(experiment, [HISTORY], generator())
    assert check.passed is False
    assert "early stopping" in check.detail


def test_training_on_test_rows_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Cheating(DevicePanel):
        def assign(self, prepared: Prepared, parts: Mapping[str, Parts]) -> None:
            peeking = {
                symbol: Parts(np.arange(part.test[-3]), part.validation, part.test)
                for symbol, part in parts.items()
            }
            super().assign(prepared, peeking)

    monkeypatch.setattr(by_workers, "DevicePanel", Cheating)
    experiment = preparation.prepare(RETURNS, [HISTORY]).experiment
    check = check_training(experiment, [HISTORY], generator())
    assert check.passed is False
    assert "training batches" in check.detail


REFITTED = small("features=[returns]", *SHORT)
WEIGHED = small("features=[returns]", ONCE, *SHORT, "model.pool.method=validation")
WITH_BASELINE = WEIGHED.model_copy(
    update={
        "model": WEIGHED.model.model_copy(
            update={"pool": WEIGHED.model.pool.model_copy(update={"baselines": ("ewma",)})}
        )
    }
)


def test_a_refit_on_test_rows_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that validation stopped are honest; those that forecast the test part are not."""

    def peeking(parts: Parts) -> Parts:
        return Parts(np.arange(parts.test[-3]), parts.validation[:0], parts.test)

    experiment = preparation.prepare(REFITTED, [HISTORY]).experiment
    monkeypatch.setattr(Parts, "with_validation", peeking)
    check = check_training(experiment, [HISTORY], generator())
    assert check.passed is False
    assert check.detail == "the weights of the refit depend on prices of the test period"


@pytest.mark.parametrize("asked", [WEIGHED, WITH_BASELINE], ids=["networks", "baseline"])
def test_pool_weights_learned_on_test_rows_are_named(
    asked: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def peeking(forecaster: Any, inputs: Any, prepared: Prepared) -> Any:
        parts = {
            symbol: Parts(part.train, part.test[:-3], part.test)
            for symbol, part in prepared.parts.items()
        }
        return pool_members(forecaster, inputs, replace(prepared, parts=parts))

    experiment = preparation.prepare(asked, [HISTORY]).experiment
    monkeypatch.setattr(experiment_training, "pool_members", peeking)
    check = check_training(experiment, [HISTORY], generator())
    assert check.passed is False
    assert check.detail == "the weights of the pool depend on prices of the test period"


def test_a_pool_with_a_baseline_is_no_leak() -> None:
    """It is fitted to the training part whenever it forecasts, also for days before its end."""
    run = train_experiment(
        resolve_experiment(WITH_BASELINE, [HISTORY]),
        [HISTORY],
        SilentObserver(),
        baseline_members(("ewma",)),
    )
    checks = {c.name: c for c in audit(run.forecaster, [HISTORY], training=False).checks}
    assert failures(checks) == set(), checks
    check = check_training(run.forecaster.groups[0].experiment, [HISTORY], generator())
    assert check.passed, check


controls_trained: dict[tuple[str, str], Trained] = {}
"""Honest trainings of the controls, by experiment and prices."""


def leaking(
    monkeypatch: pytest.MonkeyPatch, say: Callable[[pd.DataFrame], dict[str, Any]]
) -> Experiment:
    """An experiment whose controls train to forecasts with other columns."""

    def knows(
        experiment: Experiment, histories: list[PriceHistory], *rest: Any, **more: Any
    ) -> Trained:
        (history,) = histories
        key = (experiment.model_dump_json(), history.sha256)
        if key not in controls_trained:
            controls_trained[key] = train_experiment(experiment, histories, *rest, **more)
        run = controls_trained[key]
        return replace(run, table=run.predictions.assign(**say(run.predictions)))

    monkeypatch.setattr(lstmcast.training, "train_experiment", knows)
    monkeypatch.setattr(controls, "EPOCHS", 1)
    return resolve_experiment(small(ONCE), [HISTORY])


@pytest.mark.parametrize("quick", [check_random_walk, check_shuffled], ids=["walk", "shuffled"])
def test_skill_where_nothing_can_be_known_is_named(
    quick: Callable[..., Check], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A third of the coming return in the median; then its size in the width of the range."""
    rest = (HISTORY, generator()) if quick is check_shuffled else ()

    def tips(table: pd.DataFrame) -> dict[str, Any]:
        return {"q50": table["q50"] + 0.3 * table["return_actual"]}

    with monkeypatch.context() as patched:
        check = quick(leaking(patched, tips), *rest)
    assert check.passed is False
    assert "the price shows skill" in check.detail
    assert "there is a leak" in check.detail

    def fits(table: pd.DataFrame) -> dict[str, Any]:
        size = table["return_actual"].abs()
        wide = np.where(size > size.median(), 1.2, 0.8)
        return {name: wide * table[name] for name in Q if name != "q50"}

    check = quick(leaking(monkeypatch, fits), *rest)
    assert check.passed is False
    assert "the range shows skill" in check.detail


def test_ranges_that_do_not_follow_a_known_volatility_fail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def blind(table: pd.DataFrame) -> dict[str, Any]:
        width = np.random.default_rng(1).uniform(0.005, 0.02, size=len(table))
        return {"q25": -width, "q75": width}

    check = check_volatility(leaking(monkeypatch, blind))
    assert check.passed is False
    assert re.match(r"correlation of -?0\.\d\d between", check.detail)


def test_a_report_is_plain_and_raises_with_every_leak() -> None:
    good, bad = Check("purge", passed=True, detail="fine"), Check("scaler", False, "all rows")
    report = AuditReport((good, bad), (0.1, 0.2))
    assert json.loads(json.dumps(report.to_dict()))["passed"] is False
    with pytest.raises(AuditError, match="scaler: all rows"):
        report.require()
    AuditReport((good, Check("volatility", None, "no range")), (0.1, 0.1)).require()
    weak = Check("volatility", passed=False, detail="correlation of 0.45")
    with pytest.raises(AuditError, match=r"0\.45") as raised:
        AuditReport((good, weak), (0.1, 0.1)).require()
    assert "no leak was found" in str(raised.value.hint)
    assert _mark(weak)[0] == "FAILED"
    assert _mark(replace(weak, name="scaler"))[0] == "LEAKS"


def test_altered_and_cut_histories_keep_their_past() -> None:
    altered, cut = altered_after(HISTORY, 200, generator()), cut_after(HISTORY, 200)
    pd.testing.assert_frame_equal(altered.bars.iloc[:201], HISTORY.bars.iloc[:201])
    pd.testing.assert_frame_equal(cut.bars, HISTORY.bars.iloc[:201], check_freq=False)
    later = altered.bars.iloc[201:]
    assert (later["close"] != HISTORY.bars["close"].iloc[201:]).all()
    assert (later["high"] >= later[["open", "close"]].max(axis=1)).all()
    assert (later["low"] <= later[["open", "close"]].min(axis=1)).all()


def test_shuffled_days_have_the_same_returns_in_another_order() -> None:
    shuffled = shuffled_days(HISTORY, np.random.default_rng(1)).adjusted()
    ours = HISTORY.adjusted()
    moves = [np.diff(np.log(frame["close"].to_numpy())) for frame in (ours, shuffled)]
    assert not np.allclose(moves[0], moves[1])
    np.testing.assert_allclose(np.sort(moves[0]), np.sort(moves[1]), atol=1e-12)
    ranges = [
        np.log(frame["high"].to_numpy() / frame["low"].to_numpy())[1:] for frame in (ours, shuffled)
    ]
    np.testing.assert_allclose(
        ranges[0][np.argsort(moves[0])], ranges[1][np.argsort(moves[1])], atol=1e-12
    )


def test_a_short_history_is_shuffled_with_shorter_windows_or_not_at_all() -> None:
    # its own split left 48 sessions for training, and the control's leaves fewer
    experiment = resolve_experiment(
        small("training.lookback=48", "features=[returns]", *SHORT), [simulated(rows=90)]
    )
    generator = np.random.default_rng(1)
    assert check_shuffled(experiment, simulated(rows=90), generator).passed
    check = check_shuffled(experiment, simulated(rows=40), generator)
    assert check.passed is None
    assert check.detail.startswith("AAA has too few sessions for it: ")


def test_returns_of_few_values_are_no_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controls, "EPOCHS", 1)
    moves = generator().choice([-0.01, 0.01], size=900)
    closes = np.round(100 * np.exp(np.cumsum(moves)), 6)
    dates = pd.bdate_range("2020-01-01", periods=len(closes), name="date")
    history = as_history(pd.DataFrame({"close": closes}, index=dates))
    experiment = resolve_experiment(small(*LINEAR, "model.members=1"), [history])
    assert check_shuffled(experiment, history, generator()).passed


def test_simulated_bars_have_the_volatility_that_they_state() -> None:
    walk = random_walk(1).adjusted()
    moves = np.diff(np.log(walk["close"].to_numpy()))
    assert np.std(moves) == pytest.approx(0.015, rel=0.08)
    assert abs(np.corrcoef(moves[1:] ** 2, moves[:-1] ** 2)[0, 1]) < 0.1
    history, volatility = garch(2)
    frame = history.adjusted()
    parkinson = np.log(frame["high"] / frame["low"]) / np.sqrt(4 * np.log(2))
    assert np.corrcoef(np.log(parkinson), np.log(volatility))[0, 1] > 0.6
    shocks = np.diff(np.log(frame["close"].to_numpy())) / volatility[1:]
    assert np.std(shocks) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("mean", "p_value", "words"),
    [
        (-0.1, 0.02, "price better, p = 0.02: chance can do that; a leak is below 0.001"),
        (0.1, 0.02, "price worse"),
        (-0.1, 0.2, "price level"),
    ],
)
def test_what_luck_can_do_is_said_so(mean: float, p_value: float, words: str) -> None:
    assert _in_words("price", Test(mean, 10 * mean, p_value, 100)) == words


UNLIKE = [tokyo(), new_york()]


@pytest.fixture(scope="module")
def unlike() -> Trained:
    """Tokyo beside New York."""
    return train(small("data.symbols=[7203.T, AAA]", "calibration.kind=adaptive", *SHORT), *UNLIKE)


@pytest.mark.usefixtures("one_moment")
@pytest.mark.parametrize(
    ("where", "name", "words"),
    [
        ("", "", ""),
        ("lstmcast.features.matrices", "features",
         r"of 7203\.T .*`pool_\w+` reads the bar of AAA of the same date, which closes later"),
        ("lstmcast.training.forecaster", "forecasts",
         r"of 7203\.T .*: they know the bar of AAA of that date, which closes later"),
    ],
    ids=["honest", "pool", "calibration"],
)  # fmt: skip
def test_a_bar_of_the_same_date_that_closes_later_is_a_leak(
    where: str, name: str, words: str, unlike: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the code takes all symbols for those of one market."""
    if where:
        monkeypatch.setattr(f"{where}.market", lambda _: "one")
    checks = {c.name: c for c in audit(unlike.forecaster, UNLIKE, training=False).checks}
    if not where:
        assert failures(checks) == set(), checks
        return
    assert name in failures(checks)
    assert re.search(words, checks[name].detail), checks[name].detail


def test_the_last_day_of_training_is_kept_from_what_closes_before_it() -> None:
    """One session more is purged where some close later: weights do not know it either."""
    experiment = small("data.symbols=[7203.T, AAA]", *SHORT)
    prepared = preparation.prepare(experiment, UNLIKE)
    for block, dates in zip(prepared.inputs.blocks, prepared.inputs.dates, strict=True):
        parts = prepared.parts[block.symbol]
        for rows, end in (
            (parts.train, prepared.boundaries.train_end),
            (parts.validation, prepared.boundaries.validation_end),
        ):
            assert dates[rows[-1] + 3] < end
    check = check_training(prepared.experiment, UNLIKE, generator())
    assert check.passed, check


def test_a_model_must_follow_volatility_better_than_ewma_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Half of the correlation is there before any training, and EWMA has 0.81 on this path."""

    def moving_average(table: pd.DataFrame) -> dict[str, Any]:
        history, _ = garch(controls._SEED)
        log_close = np.log(history.bars["close"])
        square = log_close.diff().fillna(0.0) ** 2
        width = np.sqrt(square.ewm(alpha=0.06, adjust=False).mean().loc[table["origin"]])
        return {"q25": -width.to_numpy(), "q75": width.to_numpy()}

    check = check_volatility(leaking(monkeypatch, moving_average))
    assert check.passed is False
    assert "correlation of 0.81 between forecast and true" in check.detail
    assert "EWMA(0.94) reaches 0.81" in check.detail
    monkeypatch.setattr(lstmcast.training, "train_experiment", train_experiment)
    untrained = resolve_experiment(small("training.learning_rate=1e-9", ONCE), [HISTORY])
    check = check_volatility(untrained)
    assert check.passed is False, check
