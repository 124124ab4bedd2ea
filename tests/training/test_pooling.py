"""Pools: what weights validation gives, who adds what, and members of other kinds."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from support.experiments import Recorder, small
from support.histories import altered_after, simulated

from lstmcast.baselines import baseline_members
from lstmcast.config import Experiment
from lstmcast.distributions import Distribution, QuantileGrid, StudentTMixture
from lstmcast.errors import ConfigError, DataError, DivergedError
from lstmcast.nn import Network
from lstmcast.prices.history import PriceHistory
from lstmcast.run import Run, create_run
from lstmcast.training import Trained, resolve_experiment, train_experiment
from lstmcast.training.forecaster import Forecaster, new_network
from lstmcast.training.pooling import (
    Method,
    ValidationForecasts,
    combine,
    learn_weights,
    weigh,
)

HISTORY = simulated()


def normal(scale: float, rows: int) -> StudentTMixture:
    """As good as a normal distribution, the same for each of `rows`."""
    return StudentTMixture(*(np.full((1, rows, 1), value) for value in (1e6, 0.0, scale)))


def forecasts(*scales: float, true: float = 0.01, rows: int = 3000) -> ValidationForecasts:
    """Members that state these scales for returns of another."""
    actual = true * np.random.default_rng(1).standard_normal((rows, 1))
    return ValidationForecasts([[normal(s, rows) for s in scales]], [actual], np.ones(1))


# --- weights -------------------------------------------------------------------------------------


def test_learned_weights_are_those_of_a_general_optimiser() -> None:
    random = np.random.default_rng(4)
    log_density = random.normal(size=(4, 500)) + np.array([[0.0], [0.2], [-0.3], [0.1]])
    for floor in (0.05, 0.4):
        weights = learn_weights(log_density, floor)
        least = floor / 4

        def loss(w: np.ndarray) -> float:
            return -float(np.log(w @ np.exp(log_density)).mean())

        best = minimize(
            loss,
            np.full(4, 0.25),
            method="SLSQP",
            bounds=[(least, 1)] * 4,
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
            options={"ftol": 1e-12},
        )
        assert loss(weights) == pytest.approx(best.fun, abs=1e-6)
        assert weights.sum() == pytest.approx(1)
        assert weights.min() >= least - 1e-12


def test_the_member_that_is_right_gets_the_weight_that_the_floor_leaves() -> None:
    weights, report = weigh(
        forecasts(0.01, 0.05, 0.001), ["right", "wide", "narrow"], "validation", 0.3
    )
    assert weights is not None
    np.testing.assert_allclose(weights[:, 0], [0.8, 0.1, 0.1], atol=0.01)
    gains = {member.name: member.gain for member in report.members}
    assert gains["right"] is not None
    assert gains["right"] > 0.1
    assert gains["wide"] is not None
    assert gains["wide"] < 0  # the floor forces it in
    assert [member.weights[0] for member in report.members] == pytest.approx(list(weights[:, 0]))


def test_equal_weights_need_no_learning_and_state_their_worth() -> None:
    weights, report = weigh(forecasts(0.01, 0.02), ["one", "two"], "equal", 0.2)
    assert weights is None
    assert [member.weights for member in report.members] == [(0.5,), (0.5,)]
    one, two = report.members
    assert one.log_score < two.log_score
    # What is left without the one is the other alone.
    assert one.gain == pytest.approx(two.log_score - report.log_score)
    assert two.gain == pytest.approx(one.log_score - report.log_score)


def test_scores_are_those_of_the_return_in_percent() -> None:
    _, report = weigh(forecasts(0.01, rows=200_000), ["alone"], "equal", 0.2)
    assert report.log_score == pytest.approx(0.5 * np.log(2 * np.pi * np.e), abs=0.01)
    assert report.members[0].gain is None


def test_quantiles_are_averaged_and_scored_as_such() -> None:
    given = forecasts(0.01, 0.02)
    weights, report = weigh(given, ["one", "two"], "quantiles", 0.2)
    assert weights is None
    [members] = given.members
    averaged = combine(members, "quantiles")
    assert isinstance(averaged, QuantileGrid)
    expected = np.log(100) - averaged.log_density(given.actual[0]).mean()
    assert report.log_score == pytest.approx(expected)


@pytest.mark.parametrize("method", ["equal", "validation", "quantiles"])
def test_rows_count_alike_whichever_symbol_they_are_of(method: Method) -> None:
    """Three symbols with unlike numbers of rows, one of which has a row without an outcome."""
    names, sizes = ["a", "b"], [300, 20, 101]
    whole = forecasts(0.01, 0.03, rows=sum(sizes))
    actual = np.split(whole.actual[0], np.cumsum(sizes)[:-1])
    actual[1] = np.append(actual[1], [[np.nan]], axis=0)
    members = [[normal(scale, len(own)) for scale in (0.01, 0.03)] for own in actual]
    apart = ValidationForecasts(iter(members), actual, whole.horizon_weights)
    (weights, ours), (expected, theirs) = (
        weigh(given, names, method, 0.2) for given in (apart, whole)
    )
    assert (weights is None) is (expected is None)
    if weights is not None and expected is not None:
        np.testing.assert_allclose(weights, expected)
    assert ours.log_score == pytest.approx(theirs.log_score)
    for own, other in zip(ours.members, theirs.members, strict=True):
        assert (own.log_score, own.gain) == pytest.approx((other.log_score, other.gain))


def test_each_horizon_has_its_own_weights_and_counts_as_in_training() -> None:
    rows = 2000
    actual = 0.01 * np.random.default_rng(2).standard_normal((rows, 2))
    shape = (1, rows, 2)

    def member(*scales: float) -> Distribution:
        scale = np.broadcast_to(np.array(scales), shape)
        return StudentTMixture(np.full(shape, 1e6), np.zeros(shape), scale)

    near, far = member(0.01, 0.03), member(0.03, 0.01)  # right at one horizon each
    given = ValidationForecasts([[near, far]], [actual], np.array([0.9, 0.1]))
    weights, report = weigh(given, ["near", "far"], "validation", 0.01)
    assert weights is not None
    np.testing.assert_allclose(weights, [[1, 0], [0, 1]], atol=0.05)
    assert report.members[0].log_score < report.members[1].log_score  # horizon 1 counts most
    pooled = combine([near, far], "validation", weights)
    np.testing.assert_allclose(
        given.log_score(pooled.log_density(actual)), report.log_score, rtol=1e-9
    )


# --- in training ---------------------------------------------------------------------------------


def train(
    *overrides: str, history: PriceHistory = HISTORY, experiment: Experiment | None = None
) -> Trained:
    experiment = experiment or small(*overrides)
    external_members = baseline_members(experiment.model.pool.baselines)
    return train_experiment(
        resolve_experiment(experiment, [history]), [history], Recorder(), external_members
    )


ONCE = "training.epochs=1"
VARIED = (
    ONCE,
    "model.members=1",
    "model.pool={method: validation, baselines: [har_range, ewma]}",
    "model.variants=[{network: lstm_cnn, hidden_size: 3}, {features: [returns], members: 2}]",
)


@pytest.fixture(scope="module")
def varied() -> Trained:
    return train(*VARIED)


def test_members_of_all_kinds_are_pooled(varied: Trained) -> None:
    assert varied.forecaster.member_names() == [
        "lstm 0", "lstm_cnn 1", "lstm returns 2", "lstm returns 3", "har_range", "ewma"
    ]  # fmt: skip
    assert varied.pool is not None
    weights = varied.forecaster.weights
    assert weights is not None
    assert weights.shape == (6, 3)
    np.testing.assert_allclose(weights.sum(axis=0), 1)
    assert weights.min() >= 0.2 / 6 - 1e-12
    assert [member.records[0].member for member in varied.ensemble.members] == [0, 1, 2, 3]
    assert len({member.seed for member in varied.ensemble.members}) == 4
    sizes = [group.scaling.columns for group in varied.forecaster.groups]
    assert len(sizes[2]) < len(sizes[0])
    assert varied.predictions["log_density"].notna().all()


def test_the_pool_is_the_weighted_sum_of_its_members(varied: Trained) -> None:
    forecaster, weights = varied.forecaster, varied.forecaster.weights
    inputs = forecaster.inputs([HISTORY])
    origins = {"AAA": varied.prepared.parts["AAA"].test[:5]}
    members = forecaster.members(inputs, origins)["AAA"]
    pooled = forecaster.pooled(inputs, origins)["AAA"]
    y = np.full(pooled.shape, 0.004)
    assert weights is not None
    expected = sum(w * m.cdf(y) for w, m in zip(weights, members, strict=True))
    np.testing.assert_allclose(pooled.cdf(y), expected, rtol=1e-10)


def test_a_baseline_in_the_pool_is_fitted_on_what_came_before(varied: Trained) -> None:
    """On training for the validation part, on both for the test part."""
    (ewma,) = baseline_members(["ewma"])
    forecaster, parts = varied.forecaster, varied.prepared.parts["AAA"]
    boundaries = varied.prepared.boundaries
    rows = np.concatenate([parts.validation, parts.test])
    members = forecaster.members(forecaster.inputs([HISTORY]), {"AAA": rows})["AAA"]
    stated = members[-1].quantiles([0.1])
    for part, end in (
        (parts.validation, boundaries.train_end),
        (parts.test, boundaries.validation_end),
    ):
        alone = ewma.forecast(HISTORY, varied.prepared.inputs.dates[0][part], 3, [end])
        np.testing.assert_array_equal(stated[np.isin(rows, part)], alone.quantiles([0.1]))
    early, late = (
        ewma.forecast(HISTORY, varied.prepared.inputs.dates[0][parts.test], 3, [end])
        for end in (boundaries.train_end, boundaries.validation_end)
    )
    assert (early.quantiles([0.1]) != late.quantiles([0.1])).all()


def test_a_run_of_a_pool_is_loaded_as_it_was(varied: Trained, tmp_path: Path) -> None:
    run = create_run(tmp_path, varied)
    again = Run.open(run.path, tmp_path)
    loaded = again.forecaster()
    rows = {"AAA": varied.prepared.parts["AAA"].test[-3:]}
    ours, theirs = (
        forecaster.forecast(forecaster.inputs([HISTORY]), rows)["AAA"].quantiles([0.05, 0.9])
        for forecaster in (varied.forecaster, loaded)
    )
    np.testing.assert_array_equal(ours, theirs)
    record = json.loads((run.path / "run.json").read_text())
    assert [member["name"] for member in record["pool"]["members"]] == loaded.member_names()
    assert all(member["gain"] is not None for member in record["pool"]["members"])
    assert again.experiment() == varied.prepared.experiment


def test_nothing_of_the_test_part_enters_the_weights(varied: Trained) -> None:
    pool = ("model.members=1", "model.pool={method: validation, baselines: [ewma]}", ONCE)
    end = varied.prepared.boundaries.validation_end
    ours, theirs = (
        train(*pool, history=history).forecaster.weights
        for history in (HISTORY, altered_after(HISTORY, end, seed=5))
    )
    assert ours is not None
    assert theirs is not None
    assert 0.1 < ours.min() < 0.5
    np.testing.assert_array_equal(ours, theirs)


def test_averaged_quantiles_are_what_the_table_states() -> None:
    run = train(ONCE, "model.pool.method=quantiles", "calibration.kind=none")
    forecaster = run.forecaster
    rows = {"AAA": run.prepared.parts["AAA"].test[:1]}
    members = forecaster.members(forecaster.inputs([HISTORY]), rows)["AAA"]
    expected = np.mean([member.quantiles([0.05])[0, 0, 0] for member in members])
    table = run.predictions
    assert table.loc[table["horizon"] == 1, "q05"].iloc[0] == pytest.approx(expected)


def test_points_have_no_pool_to_report() -> None:
    run = train(ONCE, "model.head=point")
    assert run.pool is None
    assert run.predictions["log_density"].isna().all()


# --- bad input -----------------------------------------------------------------------------------


def test_an_unknown_baseline_is_named() -> None:
    with pytest.raises(ConfigError, match=r"`model.pool.baselines` names 'hal'"):
        baseline_members(["hal"])


def test_a_baseline_that_the_prices_have_no_columns_for_is_named_before_training() -> None:
    closes = HISTORY.bars[["close"]]
    history = PriceHistory.from_frame(closes, symbol="AAA", source="csv")
    experiment = small("model.pool.baselines=[har_range]")
    watcher = Recorder()
    with pytest.raises(DataError, match=r"`model.pool.baselines` names har_range, and AAA"):
        train_experiment(
            resolve_experiment(experiment, [history]),
            [history],
            watcher,
            baseline_members(["har_range"]),
        )
    assert watcher.records == []


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model.head=point", "model.pool.method=validation"], "asks for method validation"),
        (["model.head=point", "model.pool.baselines=[ewma]"], "asks for ewma"),
        (["model.variants=[{head: point}]"], "mixes the heads student_t, point"),
        (["model.variants=[{head: round}]"], "`model.variants.head` is 'round'"),
        (["model.variants=[{network: gru}]"], "`model.variants.network` is 'gru'"),
        (["model.variants=[{features: [moon]}]"], "`features` names moon"),
    ],
)
def test_what_does_not_go_together_is_told(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("[", r"\[")):
        train(*overrides)


def test_a_floor_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="fault") as caught:
        small("model.pool.floor=0")
    assert "`model.pool.floor` is 0" in caught.value.problems[0]


def test_companions_must_be_those_of_the_experiment() -> None:
    run = train(ONCE, "model.members=1")
    with pytest.raises(ValueError, match="`external_members` must be those of"):
        Forecaster(run.prepared.experiment, run.forecaster.groups, baseline_members(["ewma"]))


@pytest.mark.parametrize("spoilt", [4, 3], ids=["the model itself", "the variant"])
def test_a_group_that_diverges_is_left_out_and_told(
    spoilt: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(
        experiment: Experiment, input_size: int, seed: int, horizon: int | None = None
    ) -> Network:
        network = new_network(experiment, input_size, seed, horizon)
        if experiment.model.hidden_size == spoilt:
            with torch.no_grad():
                next(network.parameters()).fill_(math.nan)
        return network

    monkeypatch.setattr("lstmcast.training.builder.new_network", build)
    run = train(ONCE, "model.members=2", "model.variants=[{hidden_size: 3, members: 2}]")
    lost, kept = ([0, 1], 1) if spoilt == 4 else ([2, 3], 0)
    assert run.ensemble.diverged == lost
    assert [group.number for group in run.forecaster.groups] == [kept]
    assert run.pool is not None
    assert len(run.pool.members) == 2
    loaded = create_run(tmp_path, run).forecaster()
    assert [group.number for group in loaded.groups] == [kept]
    rows = {"AAA": run.prepared.parts["AAA"].test[-1:]}
    np.testing.assert_array_equal(
        loaded.forecast(loaded.inputs([HISTORY]), rows)["AAA"].mean(),
        run.forecaster.forecast(run.forecaster.inputs([HISTORY]), rows)["AAA"].mean(),
    )


def test_training_fails_where_no_group_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(
        experiment: Experiment, input_size: int, seed: int, horizon: int | None = None
    ) -> Network:
        network = new_network(experiment, input_size, seed, horizon)
        with torch.no_grad():
            next(network.parameters()).fill_(math.nan)
        return network

    monkeypatch.setattr("lstmcast.training.builder.new_network", build)
    with pytest.raises(DivergedError, match="the loss of every member stopped being finite"):
        train("model.members=1", "model.variants=[{hidden_size: 3}]")
