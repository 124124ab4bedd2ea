"""One baseline stops no other: what fails, diverges or has a bug is told and replaced."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from support.simulated import bars_from_returns, constant_t, garch_returns, predict

from lstmcast.baselines import BASELINES, baseline_tables, get_baseline
from lstmcast.baselines.base import BaselineForecast, BaselineInputs
from lstmcast.baselines.divergence import MAX_WIDTHS, check_bounds
from lstmcast.baselines.ensemble_member import BaselineMember
from lstmcast.baselines.ewma import Ewma
from lstmcast.baselines.scaled import always_able, ewma_volatility
from lstmcast.baselines.table import inputs_for
from lstmcast.distributions import Distribution, PointForecast, StudentTMixture
from lstmcast.errors import DataError
from lstmcast.evaluation.evaluator import evaluate
from lstmcast.evaluation.scores import row_losses
from lstmcast.prices.history import PriceHistory

ROWS, FIRST = 900, 600
QUICK = ("random_walk", "ewma")


def still_then_moving(
    still: int, rows: int = 1200, seed: int = 3, tick: float = 0.125
) -> pd.Series:
    """Closes in eighths that stand still for some sessions and move by 5 % afterwards."""
    moves = 0.05 * np.random.default_rng(3).standard_t(5, size=rows)
    moves[:still] = 0.0
    close = 10.0 * np.exp(np.cumsum(moves))
    return pd.Series(np.maximum(np.round(close / tick) * tick, tick))


def world(symbols: int = 2) -> dict[str, pd.DataFrame]:
    return {f"S{k}": bars_from_returns(garch_returns(k, ROWS)[0]) for k in range(symbols)}


def predictions(bars: dict[str, pd.DataFrame], first: int = FIRST) -> pd.DataFrame:
    return predict(bars, first, {s: constant_t(len(f) - 1 - first) for s, f in bars.items()})


@dataclass(frozen=True)
class Planted:
    """A baseline that does something to EWMA's forecast of one symbol."""

    act: Callable[[StudentTMixture], Distribution]
    symbols: tuple[str, ...] = ("S1",)
    name: str = "planted"
    label: str = "planted"
    unable = always_able

    def forecast(self, inputs: BaselineInputs) -> BaselineForecast:
        made = Ewma().forecast(inputs)
        assert isinstance(made.distribution, StudentTMixture)
        if inputs.symbol not in self.symbols:
            return made
        return BaselineForecast(self.act(made.distribution))


def bug(_: StudentTMixture) -> Distribution:
    raise ZeroDivisionError("a fit divides by nothing")


def wide(forecast: StudentTMixture) -> Distribution:
    scale = forecast.scale.copy()
    scale[:, 150:151] *= 1e4
    return StudentTMixture(forecast.df, forecast.loc, scale)


def shifted(forecast: StudentTMixture) -> Distribution:
    return StudentTMixture(forecast.df, forecast.loc + 3.0, forecast.scale)


def no_number(forecast: StudentTMixture) -> Distribution:
    return StudentTMixture(forecast.df, forecast.loc, np.full_like(forecast.scale, np.nan))


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (bug, "S1 raised an unexpected error, ZeroDivisionError: a fit divides by nothing"),
        (wide, r"S1 has a forecast that diverges, from \d{4}-\d\d-\d\d"),
        (shifted, r"S1 has a forecast that diverges, from \d{4}-\d\d-\d\d"),
        (no_number, r"S1 has a forecast that diverges, from \d{4}-\d\d-\d\d"),
    ],
)
def test_what_fails_on_a_symbol_is_replaced_there_and_told(
    act: Callable[[StudentTMixture], Distribution], reason: str
) -> None:
    bars = world()
    names = [get_baseline("ewma"), Planted(act), get_baseline("random_walk")]
    found, notes = baseline_tables(names, predictions(bars), bars)
    assert list(found) == ["ewma", "planted", "random_walk"]
    (note,) = notes
    pattern = rf"planted: replaced by EWMA\(0.94\)-t for 1 of 2 symbols \({reason}\)"
    assert pd.Series([note]).str.fullmatch(pattern).all(), note
    pd.testing.assert_frame_equal(found["planted"].table, found["ewma"].table)


def test_what_fails_on_all_symbols_is_left_out() -> None:
    bars = world()
    both = Planted(bug, ("S0", "S1"))
    found, notes = baseline_tables([both, get_baseline("ewma")], predictions(bars), bars)
    assert list(found) == ["ewma"]
    (note,) = notes
    assert note == (
        "planted is left out: S0 raised an unexpected error, "
        "ZeroDivisionError: a fit divides by nothing"
    )


def test_a_fit_that_diverges_in_one_period_is_replaced_in_that_period() -> None:
    bars = world(1)
    once = Planted(wide, ("S0",))
    found, _ = baseline_tables(
        [once, get_baseline("ewma")], predictions(bars), bars, refit="yearly"
    )
    (note,) = found["planted"].notes
    assert note.startswith("planted: S0 has a forecast that diverges, from 2012-")
    assert note.endswith("; replaced by EWMA(0.94)-t from 2012-04-23")
    pd.testing.assert_frame_equal(found["planted"].table, found["ewma"].table)


@pytest.mark.parametrize("name", sorted(set(BASELINES) - {"har_range", "pretrained"}))
def test_prices_that_stood_still_at_first_make_no_baseline_explode(name: str) -> None:
    """Scored as it was, ridge had a CRPS of thousands: its targets were measured in widths of 0."""
    close = still_then_moving(120)
    frame = bars_from_returns(np.diff(np.log(close.to_numpy())))
    slow = pd.DataFrame({"w": ewma_volatility(np.diff(np.log(close), prepend=2.3), 0.9)})
    bars = {"S": frame.assign(open=np.nan, high=np.nan, low=np.nan)}
    table = predictions(bars, 800)
    found, notes = baseline_tables(
        [get_baseline(name)], table, bars, features={"S": slow.set_axis(frame.index).iloc[66:]}
    )
    assert notes == ()
    moved = float(table["return_actual"].abs().mean()) * 100
    assert row_losses(found[name].table)["crps"].mean() == pytest.approx(0.75 * moved, rel=0.1)


def test_half_of_the_history_without_a_move_costs_no_baseline() -> None:
    """600 closes of exactly 10 and then 600 that move, the test range behind them."""
    close = still_then_moving(600, tick=0.01)
    frame = bars_from_returns(np.diff(np.log(close.to_numpy())))
    bars = {"S": frame.assign(open=np.nan, high=np.nan, low=np.nan)}
    without = ("har_range", "ridge", "linear", "pretrained")  # these need ranges or features
    wanted = [get_baseline(n) for n in BASELINES if n not in without]
    found, notes = baseline_tables(wanted, predictions(bars, 1018), bars)
    assert notes == ()
    scores = {n: row_losses(part.table)["crps"].mean() for n, part in found.items()}
    assert len(scores) == 8
    assert max(scores.values()) < 1.1 * min(scores.values())


def test_a_symbol_that_never_moved_leaves_all_out_and_the_model_is_still_scored() -> None:
    frame = bars_from_returns(np.zeros(ROWS))
    bars = {"S": frame}
    found, notes = baseline_tables([get_baseline(name) for name in QUICK], predictions(bars), bars)
    assert found == {}
    assert notes == (
        "random walk is left out: S has 0 returns to fit a baseline on; it needs 30",
        "EWMA(0.94)-t is left out: S has 0 returns to fit a baseline on; it needs 30",
    )


def test_a_report_without_any_baseline_is_made_and_says_why() -> None:
    close = still_then_moving(880, rows=ROWS)
    bars = {"S": bars_from_returns(np.diff(np.log(close.to_numpy())))}
    report = evaluate(predictions(bars, 700), bars, baselines=QUICK)
    assert list(report.forecasters) == ["model"]
    assert [note.partition(":")[0] for note in report.notes[:2]] == [
        "random walk is left out", "EWMA(0.94)-t is left out",
    ]  # fmt: skip


def test_the_bound_is_what_had_moved_by_then() -> None:
    """A jump makes wide forecasts sound from its own day on, and not before."""
    moves = np.full(ROWS, 0.001) * np.where(np.arange(ROWS) % 2, 1, -1)
    moves[650] = 0.2
    bars = bars_from_returns(moves)
    given = inputs_for(predictions({"S": bars}), bars)
    shape = (1, len(given.origins), 1)
    half = StudentTMixture(np.full(shape, 5.0), np.zeros(shape), np.full(shape, 1.0))
    unit = float(half.quantiles((0.9,))[0, 0, 0])
    scale = np.where(given.origins >= 651, 0.99 * 0.2, 0.99 * 0.001) * MAX_WIDTHS / unit
    check_bounds(StudentTMixture(half.df, half.loc, scale[None, :, None]), given)
    early = np.where(given.origins >= 650, 0.99 * 0.2, 0.99 * 0.001) * MAX_WIDTHS / unit
    with pytest.raises(DataError, match=f"diverges, from {bars.index[650]:%Y-%m-%d}"):
        check_bounds(StudentTMixture(half.df, half.loc, early[None, :, None]), given)
    check_bounds(PointForecast(np.zeros((len(given.origins), 1))), given)


def test_a_member_of_a_pool_that_diverges_is_refused() -> None:
    frame = bars_from_returns(garch_returns(1, ROWS)[0])
    history = PriceHistory.from_frame(frame, symbol="S1", source="csv")
    sessions = pd.DatetimeIndex(history.bars.index)
    member = BaselineMember(Planted(wide))
    with pytest.raises(DataError, match=r"names planted, and S1 has a forecast that diverges"):
        member.forecast(history, sessions[600:800], 1, [sessions[600]])
